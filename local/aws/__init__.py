"""AWS on one machine: moto's services on one port, the pipes that run state machines, and pages that show both.

    python -m local.aws --plan .local/plan.json

    account.py     everything that exists in the account: queues, bucket, secrets, state machines, pipes
    queues.py      the queues of the catalog and their dead letters
    consumers.py   EventBridge Pipes and Lambda's event source mapping
    executions.py  the latest runs of state machines
    faults.py      delays and faults of Secrets Manager and S3
    app.py         the pages, StartSyncExecution, and moto for every other request
    server.py      the HTTP server

| page | content |
|---|---|
| `GET /ready` | 200 once everything is created |
| `GET /executions` | the latest 400 runs of state machines, newest first, with machine, message and timeline |
| `GET /executions/<name>` | one of them, with input and output, and those of its states |
| `GET /executions/events` | what happens to them, state by state, as it happens (server-sent events) |
| `GET /queues` | waiting and in-flight messages of each queue, dead-letter queues included |
| `GET /pipes` | each pipe: whether it is stopped |
| `POST /pipes/<machine>/stop`, `/pipes/<machine>/start` | as StopPipe and StartPipe |
| `POST /redrive` | moves dead letters back to their queues |
"""
