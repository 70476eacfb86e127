import { graphql } from 'react-relay';

export const Tickets = graphql`
  fragment Tickets_query on Query @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) @refetchable(queryName: "TicketsPageQuery") {
    tickets(first: $count, after: $cursor) @connection(key: "Tickets_tickets") {
      edges {
        node {
          id
          number
          title
          ...Tickets_ticket
        }
      }
    }
  }
`;

export const Ticket = graphql`
  fragment Tickets_ticket on Ticket {
    status
    assignee {
      name
    }
  }
`;

export const Node = graphql`
  query TicketsNodeQuery($id: ID!) {
    node(id: $id) {
      id
      ...Tickets_ticket @alias(as: "ticket")
    }
  }
`;

export const Accept = graphql`
  mutation TicketsAcceptMutation($input: AcceptTicketInput!) {
    acceptTicket(input: $input) {
      ticket {
        id
        ...Tickets_ticket
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`;

export const Board = graphql`
  subscription TicketsBoardSubscription($after: String) {
    boardEvents(after: $after) {
      cursor
      kind
      ticket {
        id
        ...Tickets_ticket
      }
    }
  }
`;
