//! A deprecated field has the same value as the field that replaces it.

use std::collections::BTreeSet;

use domain::kernel::{days, hours, seconds};
use tests::partner::Partner;
use tests::{Desk, Json, attribution, json};

use crate::hub::{assign_and_accept, ticket};
use crate::knowledge_gaps::create_solved;

/// How many fields of `schema.graphql` are deprecated.
const DEPRECATED: usize = 22;

const TICKET: &str = "query Q($id: ID!) { ticket(id: $id) { rating { old_surveySentAt: askedAt surveySentAt }
    suggestions { old_rank: place rank old_feedbackAt: settledAt feedbackAt } } }";

/// The queries of an administrator that need no variables.
const QUERIES: [&str; 8] = [
    "{ systems { old_clockMeasuredAt: clockSeenAt clockMeasuredAt old_disabledReason: disabledBecause disabledReason
        unknownWords { old_reportCount: reports reportCount old_lastReportedAt: lastAt lastReportedAt }
        apiKeys { old_prefix: hint prefix } } }",
    "{ gateways { old_quarantinedCount: held quarantinedCount old_isConfigured: isOpen isConfigured } }",
    "{ old_simulateEscalationPolicy: rehearseEscalation(
        input: { levels: [{ level: 1, afterSeconds: 60, channels: [EMAIL] }] }) { levels { level } }
        simulateEscalationPolicy(
        input: { levels: [{ level: 1, afterSeconds: 60, channels: [EMAIL] }] }) { levels { level } } }",
    "{ simulateEscalationPolicy(input: { levels: [{ level: 1, afterSeconds: 60, channels: [EMAIL] }] }) {
        levels { old_reachableCount: reached reachableCount old_recipientCount: of recipientCount } } }",
    "{ knowledgeCards { nodes { survival { old_survived: held survived }
        cases { nodes { old_isCounted: counts isCounted } } } } }",
    "{ knowledgeGaps { old_threshold: below threshold } }",
    "{ healthReport(month: \"2026-03\") { solutions { old_citationCount: citing citationCount } } }",
    "{ solutionOfTheWeek(week: \"2026-W10\") { effect {
        old_citationCount: citing citationCount old_survived: held survived
        old_baselineMedianHandlingSeconds: othersMedianHandlingSeconds baselineMedianHandlingSeconds } } }",
];

/// Compares each field `old_x` of an answer with its field `x`, and collects what it compared.
fn compare(parent: &str, answer: &Json, compared: &mut BTreeSet<String>) {
    for item in answer.as_array().into_iter().flatten() {
        compare(parent, item, compared);
    }
    for (name, value) in answer.as_object().into_iter().flatten() {
        if let Some(replacement) = name.strip_prefix("old_") {
            assert_eq!(value, &answer[replacement], "{parent}.{replacement}");
            compared.insert(format!("{parent}.{replacement}"));
        }
        compare(name, value, compared);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deprecated_field_answers_like_its_replacement() {
    let desk = Desk::start().await;
    let mut compared = BTreeSet::new();
    // A closed ticket with a survey, whose resolution cites an earlier case, and an unknown status of a system.
    let erp = Partner::register(&desk, "ERP", 10).await;
    let case = desk.create_resolved_ticket("agent1", "E-42 漏液", "更换密封圈", json!({})).await;
    desk.wait_for_followers().await;
    let more = json!({ "requesterEmail": "requester1@desk.test", "issueType": "REPAIR" });
    let id = desk.create_ticket("admin", "E-42 漏液", more).await;
    let token = ticket(&desk.as_("admin").await, &id).await["token"].as_str().unwrap().to_owned();
    assign_and_accept(&desk, &id).await;
    erp.report_status(&token, "搁置", "2026-03-02T01:00:20Z").await;
    desk.advance(seconds(1)).await;
    let agent = desk.as_("agent1").await;
    agent.mutate_ok("citeSolution", "__typename", json!({ "ticketId": id, "caseId": case })).await;
    let resolution = json!({ "ticketId": id, "attribution": attribution("更换密封圈") });
    agent.mutate_ok("resolveTicket", "__typename", resolution).await;
    desk.as_("requester1").await.mutate_ok("closeTicket", "__typename", json!({ "ticketId": id })).await;
    desk.advance(seconds(1)).await;
    compare("", &agent.query(TICKET, json!({ "id": id })).await, &mut compared);
    // Three weeks of low first-time resolution whose windows are over: a knowledge gap, and a card with cases.
    for _ in 0..3 {
        for _ in 0..2 {
            create_solved(&desk, "输出端子松动", true, json!({})).await;
        }
        desk.advance(days(7)).await;
    }
    desk.advance(days(7) + hours(2)).await;
    let admin = desk.as_("admin").await;
    for query in QUERIES {
        compare("", &admin.query(query, json!({})).await, &mut compared);
    }
    let fields = "old_stillQuarantined: kept stillQuarantined";
    let released = admin.mutate_ok("releaseGateway", fields, json!({ "gateway": "email" })).await;
    compare("releaseGateway", &released, &mut compared);
    // The archived report of the month.
    desk.advance(days(10)).await;
    let files = "{ healthReportFiles { old_generatedAt: madeAt generatedAt } }";
    compare("", &desk.as_("admin").await.query(files, json!({})).await, &mut compared);
    assert_eq!(compared.len(), DEPRECATED, "{compared:#?}");
    desk.close().await;
}
