"""What people read: a notification and an explanation in words, as safe values, before any channel's own form."""
