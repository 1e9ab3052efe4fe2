#!/bin/sh
# The examples of the object's documentation, one after the other, against a running server.
#
#   TOKEN=jmo_… ./examples/curl.sh [URL]
#
# Needs curl, and python3 to pick the new id out of an answer.
set -eu

url=${1:-http://127.0.0.1:8080}
: "${TOKEN:?set TOKEN to an API key}"

# The key goes in by standard input: other users of the machine can see the arguments of a process.
call() {
    echo "--- $1" >&2
    curl --silent --show-error --fail-with-body --config - --data "$2" "$url/api" <<EOF
header = "Authorization: Bearer $TOKEN"
header = "Content-Type: application/json"
EOF
    echo
}

using='"using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"]'

answer=$(call create '{"methodCalls": [["x:OAuthClient/set", {"create": {"new1": {
    "clientId": "Example", "contacts": {}, "redirectUris": {}}}}, "c1"]], '"$using"'}')
echo "$answer"
id=$(echo "$answer" | python3 -c 'import json, sys
_, answer, _ = json.load(sys.stdin)["methodResponses"][0]
print(answer["created"]["new1"]["id"])')

call get '{"methodCalls": [["x:OAuthClient/get", {"ids": ["'"$id"'"]}, "c1"]], '"$using"'}'
call query '{"methodCalls": [["x:OAuthClient/query", {"filter": {"text": "example"}}, "c1"]], '"$using"'}'
call update '{"methodCalls": [["x:OAuthClient/set", {"update": {"'"$id"'": {"clientId": "updated value"}}}, "c1"]], '"$using"'}'
call destroy '{"methodCalls": [["x:OAuthClient/set", {"destroy": ["'"$id"'"]}, "c1"]], '"$using"'}'
