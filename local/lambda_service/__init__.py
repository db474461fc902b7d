"""The Lambda service on one machine: real processes under AWS's own runtime client, with only their own layers.

    python -m local.lambda_service --plan .local/plan.json

One process is one execution environment, as on AWS: it takes one invocation at a time. While it is busy, another is
started. What it keeps in memory is there for its next invocation. It sees the code package, the layers of its function
and what Lambda's runtime offers (boto3), nothing else of this machine.

    packages.py               what a process is started with: code, layers, environment variables
    execution_environment.py  one process
    runtime_api.py            the Runtime API that the process asks for work
    pool.py                   the processes of one function
    service.py                all functions
    invoke_api.py             AWS's Invoke API, and pages of our own
    client.py                 invokes functions from the other processes of the stack

The same process serves the HTTP API (`local/http_api.py`) on a port of its own.
"""
