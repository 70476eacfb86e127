## kernel

not-found = Not found, or not visible to you.
user-not-found = User not found.
forbidden = Your role does not have permission to do this.
administrator-required = Only administrators can do this.
sign-in-required = Please sign in.
version-conflict = This was changed by someone else since you loaded it. Reload it and try again.
idempotency-key-reused = This idempotency key was already used for a different request: use a new key.
storage-unavailable = Buoy cannot save right now because its disk is full or failing. Nothing was changed; contact your system administrator.
database-unavailable = The database did not respond. Nothing was changed; please try again.
commit-uncertain = The connection to the database was lost while saving, so the change may or may not be saved. Send it again with the same idempotencyKey, or check before you repeat it.
internal-error = Something went wrong on our side; nothing was changed. Please try again.

field-empty = { $field } is empty: enter a value.
field-too-long = { $field } has { $count } characters; at most { $max } are allowed.
field-control-character = { $field } contains the control character U+{ $code_point }: remove it.
email-invalid = { $field } is not a valid e-mail address: use the form name@host.
id-invalid = { $argument } is not a valid ID: use the id field of the object.
id-of-wrong-kind = { $field } is not a valid ID: use the id field of an object of this kind.
overlap-hours-out-of-range = overlapHours must be between 0 and 720.

filter-id-invalid = filter.{ $field }: "{ $id }" is not a valid ID.
filter-eq-and-in-given = { $field }: use either eq or in, not both.
filter-values-too-many = { $field } has { $count } values; at most { $max } are allowed.
page-size-out-of-range = { $argument } must be between 1 and { $max }.
page-direction-ambiguous = first and last cannot be combined: use one of them.
first-out-of-range = first must be between 1 and { $max }.
cursor-invalid = { $argument } is not a cursor of this list in this order: use a cursor from its edges.
event-cursor-invalid = after is not a valid cursor: use one from boardCursor, an event or a live message.

redacted = redacted

yes = yes
no = no
list-separator = , { "" }

## alert

alert-clock-jumped = The server clock jumped by { $seconds } s. Check its time synchronisation (NTP).
alert-system-disabled = The webhook of { $name } kept failing and has been disabled. Fix it, re-enable the system, and replay its dead letters.
alert-signature-failing = Submissions from { $name } fail verification. Nothing is lost: they are in quarantine. Check the credential (was its secret changed?), then release them.
alert-quarantine-full = The quarantine of { $name } is full: senders are asked to retry later. Fix the credential and release the quarantined submissions.
alert-credential-failing = { $name } rejects our credential: messages on this channel fail and are sent on other channels instead. Was its secret changed? Update the secret in the configuration and restart.
alert-credential-expiring = The credential { $name } expires { $when }. Rotate it in time: the old and the new secret overlap.
alert-credential-rotated = The secret of { $name } was changed. If this was not you, investigate immediately.
alert-canary-lost = A canary ticket sent through the gateway { $name } did not arrive or could not be verified: real requests may be getting lost. Check the credential and the connection.
alert-gateway-silent = No submissions from { $name } for longer than usual at this hour. Check whether the provider still calls Buoy.
alert-unknown-status = A system reported a status that is not in its status map ({ $name }). The report was kept; add the status to the map to apply it.

## auth

auth-sign-in-throttled = Too many failed sign-ins: try again in { $minutes } min.
auth-password-too-short = The password must have at least { $min } characters.
auth-password-too-long = The password can have at most { $max } characters.
auth-password-common = This password is among the first that attackers try: choose another one, such as several unrelated words.
auth-api-key-not-found = API key not found.
auth-api-key-expiry-past = expiresAt is in the past: choose a later time, or leave it out.

## calendar

calendar-not-found = { $field }: calendar not found; query calendars for the keys.
calendar-time-zone-unknown = timeZone is not an IANA time zone: use one such as Asia/Shanghai or Europe/Berlin.
calendar-weekday-out-of-range = weekday must be between 1 (Monday) and 7 (Sunday).
calendar-minutes-out-of-range = { $field }: minutes must be between 0 and 2880.
calendar-ranges-invalid = { $field }: at most { $max } ranges per day, in order and without overlaps; fromMinute is 0 to 1439, toMinute is later and at most 2880 (a night shift from 22:00 to 06:00 is 1320 to 1800).
calendar-day-malformed = { $field }: dates must have the form 2026-02-15.
calendar-exceptions-too-many = A calendar can have at most { $max } exceptions: remove those of past years.
calendar-exception-ends-early = { $name } ends before it begins: lastDay must not be earlier than its first day.
calendar-worked-as-out-of-range = workedAs must be between 1 (Monday) and 7 (Sunday).

## catalogue

catalogue-key-unknown = { $field }: "{ $key }" is not in the catalogue; query catalogue for the keys.
catalogue-skill-level-out-of-range = The level of { $skill } must be between 1 (beginner) and 5 (can teach others).
catalogue-skills-too-many = requiredSkills has { $count } entries; at most { $max } are allowed.
catalogue-aliases-too-many = aliases has { $count } entries; at most { $max } are allowed.
catalogue-alias-too-short = aliases: "{ $alias }" is too short to recognise in a text; use at least 2 letters or digits, or 3 if they are all Latin letters.

## credentials

credentials-not-found = Credential { $key } not found: save it first.
credentials-owner-required = Choose an owner, who will receive the reminders.
credentials-kind-fixed = { $key } is of kind { $kind }, which cannot be changed.
credentials-key-of-kind-required = A credential of kind { $kind } must have the key { $key }.
credentials-key-of-other-kind = { $key } is reserved for the kind { $kind }: choose that kind, or another key.
credentials-key-prefix-reserved = Keys that begin with { $prefix } are reserved for channel accounts in the configuration: choose another key.
credentials-part-missing = { $kind } requires { $parts }: { $part } is missing.
credentials-part-unknown = { $kind } has no { $part }: it requires { $parts }.
credentials-secret-not-base64 = { $part } begins with whsec_, so padded base64 of at least one byte must follow, as in whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw.
credentials-aes-key-invalid = { $part } must be the key of { $chars } letters and digits, as the provider shows it.
credentials-rotation-required = { $key } already has a secret: replace it with rotateCredential, so that the old and the new one overlap.
credentials-overlap-too-long = The old and the new secret can overlap for at most { $hours_max } h.
credentials-managed-in-configuration = The secret of a channel account is in the configuration ([channels]): change it there and restart. Here you can change only its owner and expiry date.

## delivery

delivery-address-not-email = the address is not an e-mail address
delivery-canary-unsupported = this channel cannot send a canary
delivery-interrupted = the process ended while the message was being sent; delivery is unknown
delivery-provider-code-missing = { $provider } answered without the field { $field }
delivery-provider-error = { $provider } { $code }: { $text }
delivery-provider-token-missing = no access token: { $code } { $text }
delivery-provider-user-unknown = { $provider } does not know the user { $users }
delivery-push-address-invalid = the address is not a push subscription
delivery-push-endpoint-invalid = the endpoint of the push subscription is not a valid address
delivery-push-keys-invalid = the keys of the push subscription are not valid
delivery-push-signing-failed = the VAPID signature could not be created
delivery-push-subscription-ended = the push subscription has ended: connect this browser again
delivery-sms-provider-missing = channels.sms names no provider
delivery-sms-url-invalid = channels.sms.url has no host

## duration

duration-seconds = { $seconds } s
duration-minutes = { $minutes } min
duration-hours = { $hours } h
duration-hours-minutes = { $hours } h { $minutes } min

## escalation

escalation-save-forbidden = Only administrators can save escalation policies.
escalation-level-required = Add at least one level.
escalation-level-out-of-range = level must be 1, 2 or 3.
escalation-levels-out-of-order = Each level may appear only once, and higher levels must come later.
escalation-delay-out-of-range = afterSeconds must be between 1 and 31536000 (one year).
escalation-level-without-channel = Level { $level } has no channel.
escalation-level-reaches-nobody = Level { $level } cannot reach anyone: connect contact channels of these kinds, or choose others with a configured sender ([channels]). Levels 2 and 3 need a channel besides WEB, and WEB_PUSH cannot be the only one.

escalation-excluded-earlier-owner = already had this ticket
escalation-excluded-skill-missing = lacks the skill { $skill }
escalation-excluded-skill-level-too-low = { $skill } at level { $level }; level { $required } is required
escalation-excluded-away = away
escalation-excluded-delegated = covered by a stand-in
escalation-excluded-off-shift = off shift
escalation-excluded-unreachable = unreachable: no channel with a configured sender, not signed in recently
escalation-excluded-at-capacity = at full capacity
escalation-excluded-at-capacity-of = at full capacity: open work { $load } of { $capacity } points, ≈ { $tickets } normal tickets

## expires

expires-today = today, or has already expired
expires-in-days =
    { $days ->
        [one] in { $days } day
       *[other] in { $days } days
    }

## heatmap

heatmap-every-day = every day
heatmap-day-range = { $first } to { $last }
heatmap-gap-summary = { $from }–{ $to }, { $days }: { $count } tickets received, none answered in time.
heatmap-proposal-delegate = Let { $name } stand in: they answered { $answered_in_time } tickets in time in these hours.
heatmap-delegate-unnamed = a colleague
heatmap-proposal-shift = Nobody is on duty for all of these hours: move a shift to cover them.
heatmap-proposal-stagger = On duty in these hours by the calendar: { $on_duty }. Stagger the breaks, or assign a temporary stand-in.
heatmap-gap-with-proposal = { $gap } { $proposal }

heatmap-sheet-half-hours = Half-hours
heatmap-sheet-gaps = Coverage gaps
heatmap-column-scope = scope
heatmap-column-name = name
heatmap-column-weekday = weekday
heatmap-column-from = from
heatmap-column-to = to
heatmap-column-arrivals = arrivals
heatmap-column-answered-in-time = answered in time
heatmap-column-median-first-response = median first response (s)
heatmap-column-in-gap = in a coverage gap
heatmap-column-small-sample = small sample
heatmap-column-proposal = proposal
heatmap-scope-all = all
heatmap-scope-team = team
heatmap-scope-agent = agent
heatmap-export-too-large = The export would have more than { $rows_max } rows: choose a team.

## hub

hub-system-required = Only a connected system can do this, with its API key: Authorization: Bearer <apiKey>.
hub-scope-missing = This API key does not have the scope { $scope }: create one that has it.
hub-system-not-found = System { $key } not found.
hub-system-exists = { $key } already exists: change it with updateSystem, or choose another key.
hub-rank-out-of-range = rank must be between 1 (wins a tie) and { $max }; 0 is reserved for Buoy.
hub-status-map-too-large = statusMap has { $count } entries; at most { $max } are allowed.
hub-status-map-duplicate = { $source_status } appears in statusMap more than once: each status can have only one meaning.
hub-status-map-reopen-invalid = { $source_status }: a reopened ticket can only be ASSIGNED, IN_PROGRESS or WAITING.

hub-link-forbidden = A system can link only its own numbers: { $key }.
hub-reference-ambiguous = { $reference } matches several tickets: set system to one of { $systems }.
hub-token-malformed = uuid is not a valid ticket token: check it against TKN-XXXXXX-XXXXX, character by character.
hub-token-unknown = No ticket has this token: check it character by character.
hub-report-required = Provide at least one report.
hub-reports-too-many = { $count } reports in one call; at most { $max } are allowed: split them into several calls.
hub-ticket-reports-too-many = This ticket has reached the limit of { $max } reports.
hub-timestamp-malformed = timestamp is not a date and time of RFC 3339: { $timestamp }. Write it like 2026-11-23T08:00:00Z.
hub-timestamp-ahead = timestamp is { $seconds } s ahead of the server clock ({ $now }); at most { $seconds_max } s are allowed: check the clock of this system (NTP).
hub-event-id-reused = This system already used { $event_id } for a different report: use a new eventId for a new event.
hub-cause-not-found = { $cause } is not an open correction of this ticket for this system: leave it out to report a new status.
hub-endpoint-inactive = { $key } has no active webhook: enable the system or set a callbackUrl with updateSystem first.
hub-dead-letter-not-found = Dead letter not found: acknowledged and superseded corrections are not sent again.
hub-period-invalid = period.to must be later than period.from.

## http

http-no-connection = no connection ({ $error })
http-no-response = no response ({ $error })
http-response-too-long = the response is too long

## import

import-map-invalid = Import map: { $reason }.
import-map-unparsable = The import map cannot be parsed: { $error }
import-map-time-zone-unknown = time_zone: "{ $name }" is not an IANA time zone
import-map-status-unknown = words.status: "{ $status }" is neither a Buoy status nor { $unchanged } nor { $merged }
import-map-source-missing = source: enter the system that the tickets come from
import-map-delimiter-invalid = delimiter: must be one ASCII character
import-file-unreadable = the file cannot be read completely ({ $error }): nothing was imported
import-row-too-long = the row that begins in line { $line } is longer than { $max } bytes (unclosed quote?): nothing was imported
import-row-columns-differ = the row has { $columns } columns, the header has { $header }
import-row-not-utf8 = the row is not valid UTF-8
import-line-too-long = the line is longer than { $max } bytes
import-line-not-json = the line is not a JSON object: { $error }
import-column-missing = the file has no column "{ $column }", which the map uses; its columns are { $columns }
import-id-empty = { $column } is empty: a ticket must have an ID
import-id-too-long = { $column } is longer than { $max } characters
import-key-too-long = "{ $text }" is longer than the { $max } characters of a key
import-value-empty = { $column } is empty
import-value-unmapped = "{ $value }" is not in words.{ $list } of the map
import-time-invalid = { $column }: "{ $text }" does not match any of time_formats
import-number-invalid = { $column }: "{ $text }" is not a number
import-count-invalid = { $column }: { $number } is not a valid count
import-rows-missing = the ticket has no rows
import-attribution-missing = the ticket is RESOLVED without a root cause and solution: add columns for them, or map the source status to CLOSED
import-catalogue-key-missing = "{ $key }" is not in the catalogue ({ $kind }): add it, or let the map create it
import-team-missing = team "{ $key }" not found: add it, or let the map create it
import-customer-missing = customer "{ $key }" not found: add it, or let the map create it
import-person-missing = user "{ $name }" not found: create the user, or let the map create people
import-reference-taken = this external number belongs to a ticket that was not imported; nothing was changed
import-ticket-changed = the ticket was changed in Buoy after its import; it was not updated
import-map-encoding-unknown = encoding: "{ $name }" is not known: name it as browsers do, such as "utf-8", "gb18030", "big5", "utf-16le" or "windows-1252"
import-map-id-missing = columns.id is missing: name the column with the number of the ticket, or write id = "{"{"}line{"}"}" to use the number of the line
import-map-created-missing = columns.created is missing: name the column with the time at which a ticket was created
import-map-fixed-invalid = fixed.{ $field }: an id cannot be fixed, and a field is either in [columns] or in [fixed]
import-file-is-workbook = the file is a workbook or another archive, not text: set format = "xlsx" for an .xlsx file, and save others as .xlsx or as CSV in UTF-8; nothing was imported
import-file-not-xlsx = the file is not an .xlsx workbook: set format = "csv" or "jsonl", or save it as .xlsx; nothing was imported
import-file-broken-xlsx = the workbook cannot be read ({ $error }): nothing was imported
import-workbook-too-large = the workbook is larger than { $max } bytes: save its sheet as CSV in UTF-8; nothing was imported
import-sheet-missing = the workbook has no sheet "{ $sheet }"; its sheets are { $sheets }
import-file-utf32 = the file is in UTF-32, which is not supported: save it in UTF-8; nothing was imported
import-file-not-utf8 = the file is not in UTF-8 (first seen in line { $line }): name its encoding in the map, such as encoding = "gb18030" for a file of a Chinese Windows, or save it in UTF-8; nothing was imported
import-file-encoding-wrong = the file is not in { $encoding }: name its encoding in the map, or save it in UTF-8; nothing was imported
import-file-is-utf8 = the file is in UTF-8, not in { $encoding }: remove encoding from the map; nothing was imported
import-quote-unclosed = the quote that opens in line { $line } is never closed, so the rows behind it cannot be told apart: nothing was imported
import-row-quote = lines { $first } to { $last }: a quote is not closed, or a quote within quotes is not doubled; these lines were not imported
import-row-not-encoded = the row is not valid { $encoding }
import-key-repeated = the line has the key "{ $key }", which the map uses, more than once
import-one-column = the file has no column "{ $column }" and only one column, { $columns }: is delimiter in the map the one of the file?
import-id-column-missing = the file has no column "{ $column }" for the id; its columns are { $columns }: name the column with the number of the ticket in columns.id, or write id = "{"{"}line{"}"}" if it has none
import-column-repeated = the file has { $count } columns "{ $column }", which the map uses: rename all but one, or set header = false and use the numbers of the columns
import-id-rounded = { $column }: "{ $id }" was rounded by a spreadsheet, so other tickets have it too: export the column as text
import-time-implausible = { $column }: "{ $text }" is before 1980 or in the future (years of two digits need %y in time_formats)
import-time-before-created = { $column }: { $at } is before the ticket was created ({ $created })
import-row-before-created = the row was written ({ $at }) before its ticket was created ({ $created })
import-omitted-rows = rows of this ticket were refused: it is marked as incomplete and counts in no metric
import-omitted-attribution = cause and solution are kept as text, not as an attribution: { $missing } has no value
import-omitted-several-tickets = { $rows } rows have this id and were created at different times: they became one ticket, which is marked as incomplete and counts in no metric
import-omitted-closing-time = it is closed, and no closing time is given: it counts in no duration
import-omitted-repeated-id =
    { $rows ->
        [one] { $rows } row of the list has this id
       *[other] { $rows } rows of the list have this id: they became one ticket
    }
import-summary-incomplete =
    { $count ->
        [one] { $count } ticket is incomplete and counts in no metric: rows of it were refused, or several tickets have its id
       *[other] { $count } tickets are incomplete and count in no metric: rows of them were refused, or several tickets have their id
    }
import-summary-unattributed =
    { $count ->
        [one] { $count } ticket has cause and solution as text only: parts of its attribution are missing, so it counts in no figure about causes
       *[other] { $count } tickets have cause and solution as text only: parts of their attribution are missing, so they count in no figure about causes
    }
import-map-attribution-partial = The map fills only part of the attribution ({ $missing } missing): cause and solution are kept as text.
import-map-operators = People are not created, so operators without an account are left out of the audit trail.
import-map-references-invalid = references.{ $system }: at most { $max } systems, each with a key of its own that is not source
import-comments-malformed = { $column }: the comments are no list of objects with at, author, text and visibility: { $error }
import-comments-too-many = { $column }: { $count } comments in one row; at most { $max } are allowed
import-comment-visibility = { $column }: "{ $value }" must be PUBLIC or INTERNAL
import-omitted-texts = longer than a ticket holds, so the end was cut: { $fields }
import-omitted-reference = the number { $external_id } in { $system } was not linked: another ticket has it
import-summary-shortened =
    { $count ->
        [one] { $count } ticket has a text that was cut because of its length
       *[other] { $count } tickets have texts that were cut because of their length
    }
import-summary-taken =
    { $count ->
        [one] { $count } number in another system was not linked, because another ticket has it
       *[other] { $count } numbers in other systems were not linked, because other tickets have them
    }
import-source-requester = Requester (source): { $text }
import-source-comment = { $author } (source): { $text }
import-source-cause = Cause (source): { $text }
import-source-solution = Solution (source): { $text }
import-source-fault-type = Fault type (source): { $text }
import-source-cause-level = Root-cause level (source): { $text }
import-summary-repeated =
    { $count ->
        [one] { $count } row of the list has the id of another one and became part of its ticket
       *[other] { $count } rows of the list have the id of another one and became part of its ticket
    }
import-summary-undated =
    { $count ->
        [one] { $count } closed ticket has no closing time and counts in no duration
       *[other] { $count } closed tickets have no closing time and count in no duration
    }

## intake

intake-refused = rejected
intake-sender-limited = At most { $max } submissions an hour are accepted from one sender: try again later.
intake-webhook-id-reused = { $id } was already used for a different submission: use a new webhook-id for a new request.
intake-gateway-unknown = Gateway { $key } not found: use one of { $gateways }.
intake-submission-unspecified = Provide submissionId, or gateway and source.
intake-submission-not-held = No such submission in quarantine: it was released or dismissed already, or was never quarantined.
intake-check-still-failing = Verification still fails ({ $reason }): fix the credential { $gateway } first.
intake-image = [Image] { $url }
intake-location = [Location] { $place }
intake-attachments-not-kept = (Attachments not saved: { $names })
intake-text-shortened =
    { $count ->
        [one] (1 more character is not shown. Administrators can read the original.)
       *[other] ({ $count } more characters are not shown. Administrators can read the original.)
    }
intake-full = the gateway accepts no more submissions at the moment
intake-canary-not-arrived = it did not arrive

## knowledge

knowledge-card-not-found = Card not found, or you do not have access.
knowledge-manage-forbidden = Only supervisors, administrators, and product managers for their products can review, publish and retire cards.
knowledge-create-forbidden = Only staff, and product managers for their products, can write cards.
knowledge-solution-tags = Provide 1 to { $max } solution tags.
knowledge-card-exists = A card for this product, cause and set of solution tags exists: find it on the knowledge page and edit it.
knowledge-filter-too-large = filter can have at most { $products_max } products, and a text of at most 200 characters.
knowledge-transition-invalid = This card is { $state }; only { $allowed }.
knowledge-transition-review = a DRAFT can be reviewed
knowledge-transition-publish = a card that is not PUBLISHED can be published
knowledge-transition-retire = a card that is not RETIRED can be retired

knowledge-citation-ambiguous = Provide either caseId or cardId.
knowledge-citation-of-itself = A ticket cannot cite itself: choose another case.
knowledge-citation-confidential = This ticket is confidential: its solution cannot be cited.
knowledge-citation-without-solution = Only RESOLVED or CLOSED tickets with a root cause and solution can be cited.
knowledge-citation-card-retired = This card is RETIRED: cite another solution, or publish the card again.

knowledge-fault-hardware = hardware
knowledge-fault-software = software
knowledge-fault-configuration = configuration
knowledge-fault-operation = operation
knowledge-cause-user-error = user error (L1)
knowledge-cause-environment = environment (L2)
knowledge-cause-design-defect = design defect (L3)

## metrics

metrics-month-malformed = month must have the form 2026-10.
metrics-quarter-malformed = quarter must have the form 2026-Q3.
metrics-week-malformed = week must have the form 2026-W47.
metrics-period-invalid = period.to must be later than period.from (the end is exclusive).
metrics-intervals-too-many = The period has more than { $max } intervals: choose a shorter period or a longer interval.
metrics-dimension-none = None
metrics-priority-urgent = URGENT
metrics-priority-high = HIGH
metrics-priority-normal = NORMAL
metrics-priority-low = LOW

## notification

notification-not-found = Notification not found.
notification-after-malformed = after must be the ID of a notification.
notification-after-unknown = after must be the ID of the last notification that you received.
notification-missed-too-many = You missed more than { $max } notifications: query notifications, then subscribe after the newest one.
delivery-address-invalid = The address is not valid for this channel. Connect it again.
notification-telephone-invalid = address is not a valid phone number: use digits, with + and the country code for numbers abroad.
notification-push-subscription-invalid = address is not a push subscription: use JSON.stringify(await registration.pushManager.subscribe(…)).
notification-quiet-hours-invalid = Quiet hours need two different minutes of the day (0 to 1439); leave both out to turn them off.
notification-way-fixed = Levels 2 and 3 of escalations and alerts always reach you: cause cannot be chosen.
notification-no-channel = no contact channel for this person
notification-no-sender = { $channel }: no sender is configured ([channels] in the configuration)

notification-subject = { $priority } · { $title }
notification-two-lines =
    { $first }
    { $second }
notification-somebody = Someone
notification-sent-again = { $title } (sent again: delivery of the first message is unknown)
notification-assigned = Ticket { $number } was assigned to you
notification-level-1 = Level 1 escalation: ticket { $number } has waited { $waited }
notification-level-1-body = No response yet. Accept it, reply, or reassign it.
notification-level-2 = Level 2 escalation: ticket { $number } has waited { $waited }
notification-level-2-assigned = Assigned to { $name }, who has not responded. The supervisor has been notified too.
notification-level-2-unassigned = The ticket is unassigned: please assign it.
notification-level-3 = Level 3 escalation: ticket { $number } has waited { $waited }
notification-level-3-reassigned = It was reassigned to { $name }.
notification-level-3-stays = Still assigned to { $name }: nobody else is eligible. Buoy tries again whenever availability changes.
notification-level-3-unassigned = Unassigned: nobody is eligible. Buoy tries again whenever availability changes.
notification-mention = { $author } mentioned you in ticket { $number }
notification-comment = { $author } commented on ticket { $number }
notification-sla-risk = SLA at risk: ticket { $number }, { $target }
notification-team-queue = Ticket { $number } is queued: no suitable agent
notification-team-queue-body = Assign it, or make an agent available: Buoy tries again whenever availability changes.
notification-digest = { $count } messages
notification-alert = Buoy needs an administrator
notification-report = The { $month } health report is ready
notification-report-body = View it with charts, or download it as a file.
notification-report-provisional-body = It is provisional: the windows of some figures are still open. The final report follows by itself.
notification-report-final = The { $month } health report is final
notification-report-final-body = All windows are closed. It replaces the provisional report.
notification-knowledge-gap = { $name }: first-time resolution is low
notification-knowledge-gap-body = Below target for three weeks. { $count } topics have no knowledge card yet: review them and add cards.
notification-knowledge-gap-of-body = Below target for three weeks ({ $tickets } tickets). { $count } topics have no knowledge card yet: review them and add cards.
notification-knowledge-gap-small-body = Below target for three weeks, but only { $tickets } tickets: a small sample, so this may be chance. { $count } topics have no knowledge card yet.
notification-card = A knowledge card was drafted from { $count } tickets
notification-card-body = The same root cause was repeatedly solved the same way. Review the draft and publish it.
notification-survey = How did we do? Ticket { $number }
notification-survey-body = The ticket is closed. Rate our service with one tap.
notification-pending-report = Ticket { $number }: reported status { $status } needs your action
notification-pending-attribution = Another system reported this ticket as done. Resolve it with a root cause and solution, or dismiss the report.
notification-pending-assignee = Another system reported this ticket as in progress. Assign it.
notification-pending-decision = Another system reported a status that cannot be applied automatically. Change the ticket, or dismiss the report.
notification-released = Your request is now ticket { $number }
notification-released-body = We received it { $waited } ago, but a fault on our side delayed it. Nothing was lost, and it is being handled now.
notification-prediction = Forecast
notification-chat-id-invalid = address is not a user ID of this channel: one person, letters, digits, _ and - (WeCom and DingTalk: also . and @, but not first).
notification-code-impossible = Cannot send a code on this channel: it is not configured, or its messages go to a group. Ask an administrator to connect the address.
notification-codes-too-many = { $max } codes were sent in the last hour. Wait, or ask an administrator to connect the address.
notification-code-invalid = code must be six digits.
notification-code-wrong = Wrong code. Attempts left: { $left }.
notification-code-none = There is no valid code for this channel. Request a new one.
notification-code-title = { $code } is your Buoy code
notification-code-body = Enter it in Buoy to receive notifications here. It expires in { $minutes } minutes. If you did not request it, ignore this message.
notification-address-taken = Your { $channel } address was removed
notification-address-taken-body = Another account verified this address as its own. If it is yours, connect it again and contact an administrator.
notification-buoy = Buoy
notification-receipt = We received your request: ticket { $number }
notification-receipt-body = We keep you posted here. Reply to add something; to report something new, begin with "new:".
notification-progress = Ticket { $number } is being handled
notification-handled-by = { $name } is working on it.
notification-handled-by-nobody = It is queued for the next available engineer.
notification-assigned-to = Assigned to { $name }.
notification-waiting = Ticket { $number } is waiting for you
notification-waiting-body = Please reply, so that the work can go on.
notification-resolved = Ticket { $number } was resolved
notification-resolved-body = If the problem persists, just reply and the ticket is reopened.
notification-reopened = Ticket { $number } was reopened
notification-cancelled = Ticket { $number } was cancelled
notification-chased = The requester of ticket { $number } asks again ({ $count })
notification-chase-answer = We passed on your question about ticket { $number }
notification-updated = Ticket { $number } was updated
notification-update-assigned = { $author } assigned it.
notification-update-accepted = { $author } accepted it.
notification-update-waiting = { $author } is waiting for the requester.
notification-update-resumed = { $author } resumed work.
notification-update-resolved = { $author } resolved it.
notification-update-closed = { $author } closed it.
notification-update-changed = { $author } changed it.
notification-sla-breached = SLA missed: ticket { $number }, { $target }
notification-owner-gone = { $name } is away with { $count } open tickets
notification-owner-gone-body = They were handed over or queued: { $tickets }
channel-answer-accepted = You accepted ticket { $number }
channel-answer-waiting = Ticket { $number } is now waiting
channel-answer-reply-sent = Your reply to ticket { $number } was sent to the requester
channel-answer-note-added = Your note was added to ticket { $number } (staff only)
channel-answer-resolve = Ticket { $number }: enter root cause and solution to resolve it
channel-answer-refused = Ticket { $number }: not possible now, or not your ticket. Nothing was changed.
channel-answer-body = Write "accept", "waiting <reason>", "done", "internal: <note>", or a reply.
channel-answer-no-ticket = Which ticket is this about?
channel-answer-no-ticket-body = Begin with its number, such as "#12 on my way". To report a problem, begin with "new:".
channel-web = web
channel-wecom = WeCom
channel-dingtalk = DingTalk
channel-feishu = Feishu
channel-web-push = web push
channel-email = e-mail
channel-sms = SMS

## people

people-sign-in-failed = Wrong e-mail address or password.
people-session-over = Your session has expired. Please sign in again.
people-password-wrong = The current password is incorrect.
people-account-exists = { $email } already has an account.
people-role-required = Choose at least one role.
people-user-unspecified = Choose a user.
people-redact-self-forbidden = You cannot redact your own account: ask another administrator.
people-owner-cannot-sign-in = { $owner } cannot sign in: choose an owner who can receive reminders.

people-agent-not-found = Agent not found.
people-availability-forbidden = Only a person’s supervisor or an administrator can do this on their behalf.
people-capacity-out-of-range = capacity must be between 0 and { $max } points; an open ticket of normal priority counts 2, so 20 are about 10 normal tickets.
people-skills-too-many = At most 200 skills are allowed.
people-absence-not-found = Absence not found.
people-absence-period-invalid = until must be later than from, and in the future.
people-delegation-not-found = Stand-in not found.
people-delegation-exists = This stand-in already exists; use endDelegation to end it.
people-delegation-to-self = You cannot be your own stand-in.
people-delegation-period-invalid = period.to must be later than period.from, and in the future.
people-delegation-weekdays-invalid = weekdays must be between 1 (Monday) and 7 (Sunday).
people-delegation-minutes-invalid = fromMinute must be between 0 and 1439; toMinute must be later and at most 2880 (past midnight).

## priority

priority-urgent = Urgent
priority-high = High
priority-normal = Normal
priority-low = Low

## recommend

recommend-input-too-long = input.{ $field } is longer than { $max } characters.
recommend-case-of-itself = A ticket cannot be a case of itself: choose another one.
recommend-dismissed-too-many = { $max } cases are already dismissed for this ticket: restore one first.
recommend-solved-before = Similar solved cases:

## reports

reports-title = Health report { $month }
reports-scope = Tickets first resolved from { $from } until before { $to } ({ $time_zone }): { $resolved }, including { $unattributed } without a root cause.
reports-provisional = Provisional: { $tickets } tickets and { $surveys } surveys are pending, because their windows are still open. They count in no figure yet. Final from { $date }.
reports-made-on = Generated on { $date } from the data that the reader can see. Merged and cancelled tickets are not counted.

reports-section-figures = Metrics
reports-section-causes = Root causes
reports-section-contributions = Knowledge contribution
reports-section-solutions = Solutions
reports-section-l3-escape = L3 escape by product

reports-figure-root-cause-convergence = Root-cause convergence: share of the three most frequent root causes
reports-figure-solution-reuse = Solution reuse: cited by three or more other tickets
reports-figure-l3-escape = L3 escape: share of design defects
reports-figure-recurrence = Recurrence: same customer or device, fault and root cause within 30 days
reports-figure-link-rate = Link rate: tickets that cite a case or a card
reports-figure-satisfaction = Satisfaction: rated 4 or 5
reports-figure-response-rate = Survey response rate
reports-verdict-met = met
reports-verdict-missed = missed
reports-verdict-none = no data
reports-verdict-provisional = { $verdict } (provisional, { $pending } pending)

reports-column-figure = Metric
reports-column-value = Value
reports-column-numerator = Numerator
reports-column-denominator = Denominator
reports-column-pending = Pending
reports-column-target = Target
reports-column-verdict = Result
reports-column-cause = Root cause
reports-column-tickets = Tickets
reports-column-share = Share
reports-column-engineer = Agent
reports-column-citations = Citations
reports-column-cited-cases = Cited cases
reports-column-cards = Cards
reports-column-solution = Solution
reports-column-kind = Kind
reports-column-cited-by = Cited by
reports-column-product = Product
reports-column-owners = Owners
reports-column-quarter-before = Previous quarter
reports-column-this-quarter = This quarter
reports-column-change = Change
reports-kind-case = case
reports-kind-card = card
reports-solution-hidden = (no access)

## satisfaction

satisfaction-link-invalid = This link is invalid or has expired: sign in to rate the ticket.
satisfaction-score-out-of-range = score must be between 1 (worst) and { $max } (best).

## sla

sla-targets-invalid = Set firstResponseSeconds, resolutionSeconds or both; the resolution target must not be shorter than the first-response target.
sla-target-out-of-range = { $field } must be between 1 and { $seconds_max } seconds.
sla-first-response = first response
sla-resolution = resolution

## tickets

tickets-not-found = Ticket not found, or you do not have access.
tickets-link-invalid = This link is invalid or has expired. Use the link in the latest message about your ticket.
tickets-link-replies-too-many = Only { $max } replies an hour are possible through a link. Wait a while, or call us.
tickets-lookup-ambiguous = Provide exactly one of id, number and token.
tickets-token-malformed = This is not a valid ticket token: check it against TKN-XXXXXX-XXXXX, character by character.
tickets-reference-taken = { $system } { $external_id } is already linked to another ticket.
tickets-reference-not-linked = { $system } { $external_id } is not linked to this ticket: use a reference from its externalRefs.
tickets-references-noted = References given by the requester, not linked: { $references }
tickets-entries-too-many = { $field } has { $count } entries; at most { $max } are allowed.
tickets-filter-too-large = The filter is too large: at most { $parts_max } parts and { $texts_max } texts are allowed.
tickets-relevance-without-text = orderBy RELEVANCE requires filter.text at the top level of the filter.
tickets-cursor-outdated = The ticket of this cursor is no longer among the results: query the list again.
tickets-cursor-before-restore = This cursor is from before a restore: query again without it.

tickets-forbidden = You can see this ticket, but you do not have permission to do this.
tickets-case-read-only = You can view this ticket as a reference case, but not change it.
tickets-create-forbidden = Only requesters and staff can create tickets; your role is read-only.
tickets-requester-unknown = No user has this e-mail address: create the user first, or leave it out.
tickets-accept-forbidden = Only people can accept tickets.
tickets-reassign-forbidden = This ticket is assigned to someone else: ask the assignee, a supervisor or an administrator to reassign it.
tickets-assignee-required = Only the assignee, a supervisor or an administrator can do this: have the ticket assigned to you first.
tickets-assignee-invalid = Tickets can be assigned only to agents, supervisors and administrators with an active account.
tickets-mention-forbidden = Only staff can mention colleagues.
tickets-mention-invalid = mentionIds contains someone who is not staff: use the IDs of colleagues.
tickets-attribution-forbidden = Only people can add a root cause and solution.
tickets-resolution-required = Describe how it was resolved, for the next engineer.
tickets-solution-tag-required = Choose at least one solution tag.
tickets-redaction-unspecified = Choose what to redact: texts, commentIds or both.
tickets-report-not-pending = This ticket has no reported status that needs action.

tickets-transition-invalid = This ticket is { $status }; only { $allowed } can be { $action }.
tickets-action-assign = assigned
tickets-action-accept = accepted
tickets-action-set-waiting = put on hold
tickets-action-resume = resumed
tickets-action-resolve = resolved
tickets-action-close = closed
tickets-action-reopen = reopened
tickets-action-cancel = cancelled
tickets-action-chase = sent a reminder
tickets-action-attribute = given a root cause
tickets-action-rate = rated
tickets-action-cite = given a citation
tickets-action-change = changed
tickets-allowed-any = any ticket
tickets-allowed-open = an open ticket
tickets-allowed-new-or-assigned = a NEW or ASSIGNED ticket
tickets-allowed-in-progress = a ticket IN_PROGRESS
tickets-allowed-waiting = a WAITING ticket
tickets-allowed-in-progress-or-waiting = a ticket IN_PROGRESS or WAITING (accept it first)
tickets-allowed-resolved = a RESOLVED ticket
tickets-allowed-resolved-or-closed = a RESOLVED or CLOSED ticket
tickets-allowed-not-ended = a ticket that is neither CLOSED nor CANCELLED

## unseen

unseen-nobody-assigned = Unassigned: the ticket is waiting in the queue.
unseen-all-failed = { $name } was not notified: all channels failed. Last reason: { $failure }
unseen-retrying = { $name } has not been notified yet: sending is being retried. Last failure: { $failure }
unseen-never-sent = { $name } was not notified: no message has been sent yet.
unseen-not-delivered = A message to { $name } was sent but has not been delivered.
unseen-delivery-unknown = A message to { $name } was sent; its channel does not report delivery.
unseen-not-opened = A message was delivered to { $name }, who has not opened it.
unseen-opened = { $name } opened the ticket but has not responded.

## url

url-malformed = not a valid address ({ $error })
url-private = a private address whose network is not listed in outgoing.allow_private
url-private-name = the host name resolves only to private addresses, which are not listed in outgoing.allow_private
url-user-info = an address with a user name or a password: leave them out
url-not-https = not an https address

## webhooks

webhooks-gone = HTTP 410: the endpoint no longer accepts messages
webhooks-redirected = HTTP { $code }: redirects are not followed; register the target address instead
webhooks-url-refused = { $field } cannot be called: { $reason }.
webhooks-overlap-too-long = The old and the new secret can overlap for at most { $hours_max } h.

## weekday

weekday-monday = Monday
weekday-tuesday = Tuesday
weekday-wednesday = Wednesday
weekday-thursday = Thursday
weekday-friday = Friday
weekday-saturday = Saturday
weekday-sunday = Sunday
