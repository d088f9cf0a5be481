"""Receivers on loopback, one import: mail and webhook."""

from monitor.demo.certificate import Certificate, make_certificate
from monitor.demo.smtp_receiver import Mail, SmtpReceiver
from monitor.demo.webhook_receiver import Answer, Hook, WebhookReceiver

__all__ = ["Answer", "Certificate", "Hook", "Mail", "SmtpReceiver", "WebhookReceiver", "make_certificate"]
