"""The role that the functions sign in as, made with the master password at the first deploy and never again."""

from sqlalchemy import URL, create_engine, make_url, text

from functions.adapters.database.connection import CONNECT_TIMEOUT, tls


def ensure_role(url: str, master: str, password: str) -> None:
    """Make the database user of `url` an IAM user that owns its schema. Safe to repeat."""
    target: URL = make_url(url)
    user = target.username or ""
    if not user.replace("_", "").isalnum():
        raise ValueError("the database user's name: expected letters, digits and underscores")
    engine = create_engine(
        target.set(username=master, password=password),
        connect_args={"timeout": CONNECT_TIMEOUT, "ssl_context": tls()},
        isolation_level="AUTOCOMMIT",
    )
    try:
        with engine.connect() as connection:
            known = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": user}).first()
            if not known:
                connection.execute(text(f'CREATE ROLE "{user}" LOGIN'))
            connection.execute(text(f'GRANT rds_iam TO "{user}"'))
            connection.execute(text(f'GRANT CONNECT, CREATE ON DATABASE "{target.database}" TO "{user}"'))
            connection.execute(text(f'GRANT USAGE, CREATE ON SCHEMA public TO "{user}"'))
    finally:
        engine.dispose()
