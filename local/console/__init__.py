"""The web console: what the product does on this machine, to look at and to click.

    python -m local.console --plan .local/plan.json

People open it at `http://127.0.0.1:8080/`: the HTTP API passes `/` and `/console` on to this process. It uses the same
pages and calls as the command line, through `local/stack_client.py`.

    app.py        the web application; pages/ what the browser asks for, templates/ and static/ what it gets
    security.py   which requests are accepted
    state.py      what the console knows: chats, runs, and the events for the browsers
    sources.py    follows the server-sent events of the simulated services and of the state machines
    chats.py      the messages of each person; formatting.py how WhatsApp shows a text
    documents.py  pages of a PDF as pictures, and the QR code on them
    diagrams.py   a state machine as states and transitions; layout.py where they are drawn
    runs.py       the latest runs; run_view.py the states of one; waterfall.py where its time went
    numbers.py    KPIs, response times, cost
    condition.py  in which state the world is: delays, faults, servers; controls.py changes it
    tour.py       the six steps for a newcomer
    screenshots.py  makes the pictures in docs/images/
"""
