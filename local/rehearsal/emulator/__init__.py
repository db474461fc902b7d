"""An AWS account on one machine, into which the CDK CLI deploys and in which what it deployed runs.

cloudformation.py  CloudFormation's API; stack.py its engine; template.py its functions; types/ its resources
app.py             the port of AWS: our own services, roles enforced, moto for everything else
account.py         runs what was deployed: HTTP API, pipes, event source mappings, state machines
functions.py       the processes of the functions, from the uploaded packages; inside.py runs in each of them
internet.py        the names that functions call over TLS
servers.py         the sign-in of RDS and ElastiCache before a real PostgreSQL and Redis
policies.py        whether a role may do something
delivery.py        what CloudWatch Logs gets
"""
