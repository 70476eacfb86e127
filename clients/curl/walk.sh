#!/usr/bin/env bash
# Signs in, queries and creates a ticket with curl. Usage: walk.sh http://127.0.0.1:8080
set -euo pipefail
address=$1

ask() { # token, body
  curl --silent --show-error --fail "$address/graphql" \
    --header 'content-type: application/json' ${1:+--header "authorization: Bearer $1"} --data "$2"
}

token=$(ask '' '{"query":"mutation { signIn(input: {email: \"agent1@demo.test\", password: \"buoy-demo\"}) { accessToken } }"}' |
  sed -E 's/.*"accessToken":"([^"]+)".*/\1/')
ask "$token" '{"query":"{ viewer { name } tickets(first: 1) { nodes { number title } } }"}'
echo
ask "$token" '{"query":"mutation { createTicket(input: {title: \"泵站停机\", description: \"by curl\", idempotencyKey: \"curl-1\"}) { ticket { number } userErrors { message } } }"}'
echo
