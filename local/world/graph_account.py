"""What the Graph API tells of a token and of a WhatsApp business account: read by `make doctor`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from local.plan import DISPLAY_PHONE_NUMBER, PHONE_NUMBER_ID, WABA_ID

APP_ID: Final = "670843887433847"
SCOPES: Final = ("whatsapp_business_management", "whatsapp_business_messaging")


def read(path: Sequence[str], templates: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """The object at that path below the version; None where there is none. `templates`: the approved ones."""
    match path:
        case ["debug_token"]:
            granted = [{"scope": scope, "target_ids": [WABA_ID]} for scope in SCOPES]
            token = {"app_id": APP_ID, "type": "SYSTEM_USER", "is_valid": True, "expires_at": 0}
            return {"data": token | {"scopes": list(SCOPES), "granular_scopes": granted}}
        case [name] if name == PHONE_NUMBER_ID:
            number = {"id": name, "display_phone_number": DISPLAY_PHONE_NUMBER}
            return number | {"quality_rating": "GREEN", "status": "CONNECTED"}
        case [account, "subscribed_apps"] if account == WABA_ID:
            return {"data": [{"whatsapp_business_api_data": {"id": APP_ID, "name": "School assistant"}}]}
        case [account, "message_templates"] if account == WABA_ID:
            listed = [
                {"name": name, "language": item["language"], "status": "APPROVED"} for name, item in templates.items()
            ]
            return {"data": listed, "paging": {}}
    return None
