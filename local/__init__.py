"""The product on one machine; `python -m local --help` lists its commands.

    cli/             the commands, one file each
    stack.py         starts and stops all parts; plan.py is their configuration
    stack_client.py  the client of a running stack; send_message.py, payments.py and student_sync.py use it
    event_log.py     the latest events of a process, which others follow (server-sent events)

Each of these is a process:

    world/           simulated services: WhatsApp, the school's API, OpenAI; their delays and faults
    aws/             SQS, S3, Secrets Manager, pipes and Step Functions, on moto
    lambda_service/  Lambda functions in processes of their own; serves http_api.py (API Gateway) too
    database_proxy   delays and faults of database connections
    console/         the web console, which people open at the address of the HTTP API

PostgreSQL (postgres.py) and Redis (redis_server.py) are real servers. The state machines run in step_functions/, on
moto's interpreter with the corrections of moto_patches/ and the JSONata engine of jsonata.py.
"""
