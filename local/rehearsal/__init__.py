"""A deployment, rehearsed: the CDK CLI deploys into an emulated AWS account, in which what it deployed answers parents.

python -m local.rehearsal --env dev

run.py        the steps, one after the other
emulation.py  the emulated account and the servers beside it, started and stopped
app.py        the CDK app, with the settings of the emulator
cdk.py        runs the CDK CLI
releases.py   a changed release, as a copy of this tree
checks.py     what an emulator cannot enforce, looked at afterwards
report.py     the table at the end
emulator/     the account
"""
