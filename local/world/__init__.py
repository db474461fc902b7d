"""The outside world: simulated services with the contracts, limits and errors of the real ones.

    /graph/v26.0/...   WhatsApp's Graph API        /school/...   the school's API        /openai/v1/responses

Pages of its own, all JSON:

    GET /outbox        messages that WhatsApp accepted, in order; ?to= &after=<Unix seconds> &in_reply_to=<message id>
                       &wait=<seconds>; DELETE clears it. Files: GET /media/<id>, linked from the message
    GET /events        the same as they happen, and changes of profile and faults (server-sent events)
    POST /media        a file of a parent, for a message that names its id; its type in Content-Type
    GET /calls         calls to services with start, end and status; ?after= &before=; POST adds one; DELETE
    GET /today         the date that the school goes by; PUT {"today": "2026-11-23"}, null for the real one
    GET /profile       delays and ceilings; PUT a name ({"name": "zero"}) or single values
    PUT /faults/<service>            {"kind": "status", "status": 500, "times": 3, "operation": "send"} (faults.py)
    GET, DELETE /faults[/<service>]  faults in force; clear them
    POST /faults/<service>/take      {"operation": "get"}: for other processes of the stack
    PUT /recipients/<number>         {"fails_with": 131026}: messages to that user fail
    POST /inbound                    {"from": "+263..."}: a user wrote: opens the 24-hour window
    PUT /templates                   {"fee_receipt": {"language": "en", "parameters": 3}}: the approved templates
    PUT /recordings/<SHA-256>        {"text": "balance please"}: what is said in that voice note
    GET /sample                      parents to try
    GET /ready
"""
