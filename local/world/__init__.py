"""The outside world, simulated with its real contracts, limits and errors, on `plan.ports.world`.

    /graph/v26.0/...   WhatsApp's Graph API        /school/...   the school's API        /openai/v1/responses

Pages of its own, all JSON:

    GET /outbox        what WhatsApp accepted for users, in order; ?to= &after=<Unix seconds> &in_reply_to=<message id>
                       &wait=<seconds>; DELETE forgets it. Files: GET /media/<id>, linked from the message
    GET /calls         every call to a service with start, end and status; ?after=; POST adds one seen elsewhere; DELETE
    GET /profile       delays and ceilings; PUT a name ({"name": "zero"}) or single values
    PUT /faults/<service>            {"kind": "status", "status": 500, "times": 3, "operation": "send"} (faults.py)
    GET, DELETE /faults[/<service>]  what is in force; clear it
    POST /faults/<service>/take      {"operation": "get"}: for parts of the stack that fail in processes of their own
    PUT /recipients/<number>         {"fails_with": 131026}: messages to that user fail
    POST /inbound                    {"from": "+263..."}: a user wrote, for profiles that enforce the 24-hour window
    PUT /templates                   {"fee_receipt": {"language": "en", "parameters": 3}}: what Meta has approved
    PUT /recordings/<SHA-256>        {"text": "balance please"}: what is said in that voice note
    GET /sample                      the parents worth trying
    GET /ready
"""
