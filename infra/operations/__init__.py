"""What operators ask of a running environment, on AWS or on this machine. Nothing here changes anything.

python -m infra.operations doctor --env dev           # is everything as it should be
python -m infra.operations trace wamid.HBg… --env dev # what happened to one message
python -m infra.operations trace wamid.HBg…           # the same in the stack of `make run`

environment.py  the deployed stacks of an environment, and the clients to ask AWS with
doctor.py       runs the checks of checks/ and prints one line for each
trace.py        prints what was found of one message
cloud_logs.py   finds it on AWS: the logs of the state machines and of the functions, through Logs Insights
local_logs.py   finds it in a running local stack
"""
