"""The soak and the fault matrix: what parents got while processes were killed and parts failed.

python -m bench.soak --messages 400 --kills 60 --seed 7
python -m bench.soak --only matrix --fault Redis

run.py           a morning of messages on one running stack
traffic.py       what is written, and in which webhook bodies it is delivered
disturbances.py  what is killed meanwhile, and when
verdict.py       lost, doubled, out of order: judged by what the simulated WhatsApp accepted
faults.py        every fault of every part, as it is injected
matrix.py        each of them × everything that people ask for
"""
