"""What Alembic loads to run the migrations: on the connection, and in the transaction, that it was handed."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
