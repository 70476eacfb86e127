"""Python's gql: a query, a mutation and a subscription over graphql-transport-ws.

    python walk.py http://127.0.0.1:8080
"""

import asyncio
import sys

from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.websockets import WebsocketsTransport

ADDRESS = sys.argv[1]


async def main():
    async with Client(transport=AIOHTTPTransport(url=f"{ADDRESS}/graphql")) as session:
        sign_in = gql("mutation S($input: SignInInput!) { signIn(input: $input) { accessToken } }")
        sign_in.variable_values = {"input": {"email": "agent1@demo.test", "password": "buoy-demo"}}
        token = (await session.execute(sign_in))["signIn"]["accessToken"]
    bearer = {"Authorization": f"Bearer {token}"}
    http = Client(transport=AIOHTTPTransport(url=f"{ADDRESS}/graphql", headers=bearer), fetch_schema_from_transport=True)
    socket = Client(
        transport=WebsocketsTransport(
            url=f"{ADDRESS.replace('http', 'ws', 1)}/graphql",
            init_payload=bearer,
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        )
    )
    async with http as asking, socket as hearing:
        cursor = (await asking.execute(gql("{ boardCursor }")))["boardCursor"]
        board = gql("subscription B($after: String) { boardEvents(after: $after) { kind ticket { title } } }")
        board.variable_values = {"after": cursor}
        create = gql("mutation C($input: CreateTicketInput!) { createTicket(input: $input) { userErrors { message } } }")
        create.variable_values = {"input": {"title": "来自 Python", "description": "gql"}}
        assert (await asking.execute(create))["createTicket"]["userErrors"] == []
        async for event in hearing.subscribe(board):
            assert event["boardEvents"] == {"kind": "TICKET_CREATED", "ticket": {"title": "来自 Python"}}, event
            print("heard", event["boardEvents"]["ticket"]["title"])
            return


asyncio.run(asyncio.wait_for(main(), 30))
