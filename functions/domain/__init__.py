"""The rules of the conversation, pure: nothing here knows of AWS, WhatsApp's HTTP, or a database."""
