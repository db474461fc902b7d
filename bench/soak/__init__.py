"""The soak: a morning of messages while processes and servers are killed, and what every parent got in the end.

python -m bench.soak --messages 400 --kills 60 --seed 7

traffic.py       what is written, and in which webhook bodies it is delivered
disturbances.py  what is killed, and when
verdict.py       lost, doubled, out of order: judged by what the simulated WhatsApp accepted
run.py           all of it on one running stack
"""
