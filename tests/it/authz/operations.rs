//! Every operation and every field, with the input to try it.

use std::sync::atomic::{AtomicI32, Ordering};

use tests::{Desk, Json, attribution, json};

/// The state of the ticket when an operation is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    New,
    Assigned,
    InProgress,
    Waiting,
    Resolved,
    Closed,
}

/// A mutation of a ticket, and its input besides the ticket's id.
pub type Operation = (&'static str, Stage, fn(&Desk) -> Json);

/// A placeholder for the ticket's own id.
pub const OWN_ID: &str = "itself";

pub const OPERATIONS: [Operation; 26] = [
    ("assignTicket", Stage::New, |desk| json!({ "assigneeId": desk.id("agent2").to_string() })),
    ("acceptTicket", Stage::Assigned, |_| json!({})),
    ("setWaiting", Stage::InProgress, |_| json!({ "reason": "等待备件" })),
    ("resumeTicket", Stage::Waiting, |_| json!({})),
    ("resolveTicket", Stage::InProgress, |_| json!({ "attribution": attribution("restarted") })),
    ("attributeTicket", Stage::Closed, |_| json!({ "attribution": attribution("restarted again") })),
    ("closeTicket", Stage::Resolved, |_| json!({})),
    ("reopenTicket", Stage::Resolved, |_| json!({ "reason": "又坏了" })),
    ("cancelTicket", Stage::InProgress, |_| json!({ "reason": "重复" })),
    ("chaseTicket", Stage::Assigned, |_| json!({})),
    ("openTicket", Stage::Assigned, |_| json!({})),
    ("addComment", Stage::InProgress, |_| json!({ "body": "好", "visibility": "PUBLIC" })),
    ("addComment INTERNAL", Stage::InProgress, |_| json!({ "body": "内部", "visibility": "INTERNAL" })),
    ("updateTicket", Stage::InProgress, |_| json!({ "title": "changed" })),
    ("updateTicket teamKey", Stage::InProgress, |_| json!({ "teamKey": "IT" })),
    ("followTicket", Stage::Assigned, |_| json!({})),
    ("unfollowTicket", Stage::Assigned, |_| json!({})),
    ("redactTicket", Stage::InProgress, |_| json!({ "texts": ["TITLE"] })),
    ("linkExternalRef", Stage::Assigned, |_| json!({ "system": "ERP_NO" })),
    ("unlinkExternalRef", Stage::Assigned, |_| json!({ "system": "ERP_NO" })),
    ("revokeTicketLinks", Stage::Assigned, |_| json!({})),
    ("rateTicket", Stage::Closed, |_| json!({ "score": 5 })),
    // A user with the right gets an error about the missing source.
    ("citeSolution", Stage::InProgress, |_| json!({})),
    // A user with the right gets an error: a ticket is no case of itself.
    ("dismissSuggestion", Stage::InProgress, |_| json!({ "caseId": OWN_ID, "reason": "OTHER" })),
    ("restoreSuggestion", Stage::InProgress, |_| json!({ "caseId": OWN_ID })),
    // A user with the right gets an error: no report is pending.
    ("dismissPendingReport", Stage::InProgress, |_| json!({})),
];

/// All other mutations; they change nothing that the snapshot depends on.
pub type OtherOperation = (&'static str, fn(&Desk) -> Json);

pub const OTHER_OPERATIONS: [OtherOperation; 57] = [
    ("createTicket", |_| json!({ "title": "new", "description": "new" })),
    (
        "createTicket for another",
        |_| json!({ "title": "new", "description": "new", "requesterEmail": "requester2@desk.test" }),
    ),
    ("createUser", |desk| {
        let email = format!("{}@desk.test", desk.app.new_uuid().simple());
        json!({ "email": email, "name": "New", "roles": ["AGENT"] })
    }),
    ("updateUser", |desk| json!({ "userId": desk.id("agent2").to_string(), "skills": ["electrics"] })),
    ("updateUser roles", |desk| json!({ "userId": desk.id("agent2").to_string(), "roles": ["AGENT"] })),
    (
        "setPassword",
        |_| json!({ "userId": "018f0000-0000-7000-8000-000000000000", "newPassword": "a good long password" }),
    ),
    ("redactUser", |_| json!({ "userId": "018f0000-0000-7000-8000-000000000000" })),
    ("saveCauseTag", |_| json!({ "key": "WORN", "name": "Worn" })),
    ("saveCustomer", |_| json!({ "key": "INITECH", "name": "Initech" })),
    ("saveIssueType", |_| json!({ "key": "QUESTION", "name": "Question" })),
    ("saveProduct", |_| json!({ "key": "PM-9000", "name": "PM-9000" })),
    ("saveSkill", |_| json!({ "key": "welding", "name": "Welding" })),
    ("saveSolutionTag", |_| json!({ "key": "CLEAN", "name": "Clean" })),
    ("saveTeam", |_| json!({ "key": "NIGHT", "name": "Night shift" })),
    ("bindTerminal", |_| json!({ "channel": "WEB" })),
    ("bindTerminal for another", |desk| json!({ "channel": "WEB", "userId": desk.id("agent2").to_string() })),
    ("confirmTerminal", |_| json!({ "channel": "SMS", "code": "123456" })),
    ("unbindTerminal", |_| json!({ "channel": "SMS" })),
    ("unbindTerminal for another", |desk| json!({ "channel": "SMS", "userId": desk.id("agent2").to_string() })),
    ("reportActivity", |_| json!({ "channel": "WECOM" })),
    ("saveNotificationPreference", |_| json!({ "language": "CHINESE" })),
    ("acknowledgeNotification", |_| json!({ "notificationId": "018f0000-0000-7000-8000-000000000000" })),
    ("markNotificationOpened", |_| json!({ "notificationId": "018f0000-0000-7000-8000-000000000000" })),
    ("saveCalendar", |_| json!({ "key": "LATE", "name": "Late", "timeZone": "UTC", "week": [] })),
    (
        "saveSlaPolicy",
        |_| json!({ "key": "SLOW", "name": "Slow", "archived": true, "resolutionSeconds": 600, "calendarKey": "24x7" }),
    ),
    ("saveAgentProfile", |desk| json!({ "userId": desk.id("agent2").to_string(), "capacity": 30 })),
    ("createAbsence", |desk| json!({ "userId": desk.id("agent2").to_string(), "from": "2030-01-01T00:00:00Z" })),
    ("endAbsence", |_| json!({ "absenceId": "018f0000-0000-7000-8000-000000000000" })),
    ("createDelegation", |desk| {
        let period = json!({ "from": "2030-01-01T00:00:00Z", "to": "2030-02-01T00:00:00Z" });
        let (from, to) = (desk.id("agent2").to_string(), desk.id("agent1").to_string());
        // Another value each time, because a duplicate is rejected.
        static MINUTE: AtomicI32 = AtomicI32::new(60);
        let minute = MINUTE.fetch_add(1, Ordering::Relaxed);
        json!({ "fromAgentId": from, "toAgentId": to, "period": period, "fromMinute": 0, "toMinute": minute })
    }),
    ("endDelegation", |_| json!({ "delegationId": "018f0000-0000-7000-8000-000000000000" })),
    (
        "saveEscalationPolicy",
        |_| json!({ "priority": "LOW", "levels": [{ "level": 1, "afterSeconds": 60, "channels": ["WEB"] }] }),
    ),
    ("answerSurvey", |_| json!({ "token": "00", "score": 5 })),
    // Nobody's right: the link is refused.
    ("replyByLink", |_| json!({ "link": "00", "body": "x" })),
    ("chaseByLink", |_| json!({ "link": "00" })),
    ("reopenByLink", |_| json!({ "link": "00", "reason": "x" })),
    ("cancelByLink", |_| json!({ "link": "00", "reason": "x" })),
    ("rateByLink", |_| json!({ "link": "00", "score": 5 })),
    ("saveNotificationWay", |_| json!({ "cause": "UPDATED", "way": "DIGEST" })),
    ("reviewCard", |_| json!({ "cardId": "018f0000-0000-7000-8000-000000000000" })),
    ("publishCard", |_| json!({ "cardId": "018f0000-0000-7000-8000-000000000000" })),
    ("retireCard", |_| json!({ "cardId": "018f0000-0000-7000-8000-000000000000" })),
    // A user with the right gets an error: no solution tag.
    (
        "createCard",
        |_| json!({ "title": "t", "solution": "s", "faultType": "HARDWARE", "rootCauseLevel": "L1_USER_ERROR", "solutionTags": [] }),
    ),
    ("editCard", |_| json!({ "cardId": "018f0000-0000-7000-8000-000000000000", "title": "changed" })),
    ("registerSystem", |desk| json!({ "key": desk.app.new_uuid().to_string() })),
    ("updateSystem", |_| json!({ "key": "ERP_NO", "name": "ERP" })),
    ("issueApiKey", |_| json!({ "systemKey": "ERP_NO" })),
    ("revokeApiKey", |_| json!({ "apiKeyId": "018f0000-0000-7000-8000-000000000000" })),
    ("rotateWebhookSecret", |_| json!({ "systemKey": "ERP_NO" })),
    ("replayDelivery", |_| json!({ "deliveryId": "018f0000-0000-7000-8000-000000000000" })),
    // A user with the right gets an error: the system has no endpoint.
    ("replayDeadLetters", |_| json!({ "systemKey": "ERP_NO" })),
    ("saveCredential", |desk| {
        let parts = json!([{ "name": "secret", "value": "s" }]);
        json!({ "key": desk.app.new_uuid().to_string(), "kind": "OTHER", "parts": parts })
    }),
    ("rotateCredential", |_| json!({ "key": "nothing", "parts": [] })),
    ("releaseQuarantined", |_| json!({ "submissionId": "018f0000-0000-7000-8000-000000000000" })),
    ("releaseGateway", |_| json!({ "gateway": "wecom" })),
    ("dismissQuarantined", |_| json!({ "submissionId": "018f0000-0000-7000-8000-000000000000" })),
    ("reportStatuses", |_| {
        let at = "2026-03-02T01:00:00Z";
        json!({ "reports": [{ "uuid": "TKN-8X9F2Q-L4M7P", "status": "处理中", "timestamp": at, "operator": "王工" }] })
    }),
    ("changePassword", |_| json!({ "currentPassword": "wrong", "newPassword": "a good long password" })),
];

/// Queries that do not concern one ticket.
pub const QUERIES: [(&str, &str); 39] = [
    ("about", "about { version }"),
    ("viewer", "viewer { id }"),
    ("catalogue", "catalogue { teams { key } }"),
    ("boardCursor", "boardCursor"),
    ("users", "users { nodes { name } }"),
    ("customers", "customers { nodes { key } }"),
    ("notifications", "notifications { nodes { id } }"),
    ("terminals", "terminals { channel }"),
    ("notificationPreference", "notificationPreference { language }"),
    ("myTodo", "myTodo { count }"),
    ("agentProfiles", "agentProfiles { capacity }"),
    ("delegations", "delegations { id }"),
    ("calendars", "calendars { key }"),
    ("slaPolicies", "slaPolicies { key }"),
    ("upcomingBreaches", "upcomingBreaches { nodes { clock { state } } }"),
    ("healthReport", "healthReport(month: \"2026-03\") { resolved }"),
    ("escapeKpi", "escapeKpi(quarter: \"2026-Q1\") { product }"),
    ("solutionOfTheWeek", "solutionOfTheWeek(week: \"2026-W10\") { steps }"),
    ("ticketByLink", "ticketByLink(link: \"00\") { number }"),
    ("survey", "survey(token: \"00\") { number }"),
    ("knowledgeCards", "knowledgeCards { nodes { state } }"),
    ("escalationPolicies", "escalationPolicies { version }"),
    (
        "simulateEscalationPolicy",
        "simulateEscalationPolicy(input: { levels: [{ level: 1, afterSeconds: 60, channels: [EMAIL] }] }) { levels { reachableCount } }",
    ),
    (
        "serviceMetrics",
        "serviceMetrics(period: { from: \"2020-01-01T00:00:00Z\", to: \"2040-01-01T00:00:00Z\" }) { created }",
    ),
    (
        "responseHeatmap",
        "responseHeatmap(period: { from: \"2020-01-01T00:00:00Z\", to: \"2040-01-01T00:00:00Z\" }) { timeZone }",
    ),
    ("knowledgeGaps", "knowledgeGaps { label }"),
    ("systems", "systems { key }"),
    ("panorama", "panorama(reference: \"TKN-8X9F2Q-L4M7P\") { colour }"),
    (
        "divergence",
        "divergence(period: { from: \"2020-01-01T00:00:00Z\", to: \"2040-01-01T00:00:00Z\" }) { current { value } }",
    ),
    ("outstandingCorrections", "outstandingCorrections { nodes { causeId } }"),
    ("deadLetters", "deadLetters { nodes { id } }"),
    ("credentials", "credentials { key }"),
    ("gateways", "gateways { key }"),
    ("quarantinedSubmissions", "quarantinedSubmissions { nodes { id } }"),
    ("quarantinedBody", "quarantinedBody(submissionId: \"01890000-0000-7000-8000-000000000000\")"),
    ("rawSubmission", "rawSubmission(ticketId: \"01890000-0000-7000-8000-000000000000\")"),
    ("healthReportFile", "healthReportFile(month: \"2026-03\", format: HTML) { name }"),
    ("healthReportFiles", "healthReportFiles { name }"),
    ("responseHeatmapExport", "responseHeatmapExport(month: \"2026-03\", format: CSV) { name }"),
];

/// Queries with a row for every kind of ticket.
pub const TICKET_QUERIES: [&str; 4] = ["node", "ticket", "tickets", "similarCases"];

/// Operations on the session itself, which tests/it/sessions.rs covers.
pub const SESSION_OPERATIONS: [&str; 4] = ["signIn", "signOut", "refreshSession", "createTodoToken"];

pub const FIELDS: &str = "access allowedActions askedAt assignmentTrace { at } assignee { name } attribution { resolution } cancelReason card { id } channel chaseCount
    citations { text }
    closedAt comments { nodes { body } } createdAt customer { key } description device escalations { level } events(first: 100) { nodes { kind } }
    externalRefs { externalId } firstOpenedAt firstOpenedBy { name } firstRespondedAt followers { name } handOverCount historyIncomplete id
    issueType mergedInto { id } noResponseMarkedAt notifications { id } number pendingReport { system } priority product productRecognisedBy rating { score } reopenCount requester { name email } requiredSkills resolvedAt
    similarCases { state } suggestions { state } slaClocks { state } sourceSolution status team { key } title token unattributed unseenVerdict { reason } updatedAt version waitingReason";
