"""AWS Step Functions on one machine: moto's interpreter, corrected, with a timeline of each execution.

    definitions.py  reads the definitions of the product, fills in ARNs and URLs
    validation.py   what AWS would refuse, and states that are never reached
    runner.py       runs a definition as an Express or Standard execution
    execution.py    what an execution did: the states, when, with which result
    errors.py       how functions and the Lambda service fail

Nothing is imported here: `errors` and `execution` must not load moto, which takes a second.
"""
