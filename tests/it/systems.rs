//! Partner systems: the rights of their API keys, and divergence.

use domain::kernel::{days, minutes, seconds};
use tests::partner::Partner;
use tests::{Client, Desk, Json, json};

use crate::hub::{PANORAMA, TICKET, assign_and_accept, new_ticket, ticket};

#[tokio::test(flavor = "multi_thread")]
async fn a_system_reaches_only_its_linked_tickets() {
    let desk = Desk::start().await;
    let (crm, erp) = (Partner::register(&desk, "CRM", 10).await, Partner::register(&desk, "ERP", 10).await);
    let admin = desk.as_("admin").await;
    let (id, token) = new_ticket(&desk, "边界", &["CRM"]).await;
    assert_eq!(ticket(&crm.client, &id).await["token"], json!(token));
    assert_eq!(erp.client.execute(TICKET, json!({ "id": id })).await.code(), "NOT_FOUND");
    assert_eq!(erp.client.execute(PANORAMA, json!({ "reference": token })).await.code(), "NOT_FOUND");
    assert_eq!((crm.client.count_tickets().await, erp.client.count_tickets().await), (1, 0));
    // A system with the ticket's token links its own number, not another system's.
    let link = |system: &str| json!({ "ticketToken": token, "system": system, "externalId": "SO-9" });
    assert_eq!(erp.client.refusal("linkExternalRef", link("CRM")).await.0, "FORBIDDEN");
    erp.client.mutate_ok("linkExternalRef", "__typename", link("ERP")).await;
    assert_eq!(erp.client.count_tickets().await, 1);
    // A system has no other mutation and no view of staff.
    let id_only = json!({ "ticketId": id });
    for act in ["acceptTicket", "closeTicket", "chaseTicket"] {
        assert_eq!(erp.client.refusal(act, id_only.clone()).await.0, "FORBIDDEN", "{act}");
    }
    let seen = erp.client.query("query Q($id: ID!) { ticket(id: $id) { notifications { id } escalations { level } } viewer { name email roles } }", json!({ "id": id })).await;
    assert_eq!(seen["ticket"], json!({ "notifications": [], "escalations": [] }));
    assert_eq!(seen["viewer"], json!({ "name": "ERP", "email": null, "roles": ["PARTNER"] }));
    for query in [
        "{ systems { key } }",
        "{ deadLetters { nodes { id } } }",
        "{ divergence(period: { from: \"2026-03-01T00:00:00Z\", to: \"2026-03-02T00:00:00Z\" }) { current { value } } }",
    ] {
        assert_eq!(erp.client.execute(query, json!({})).await.code(), "FORBIDDEN", "{query}");
    }
    // Users cannot report statuses; a requester sees no panorama.
    let reports = json!({ "reports": [{ "uuid": token, "status": "处理中", "timestamp": "2026-03-02T01:00:00Z", "operator": "x" }] });
    assert_eq!(admin.refusal("reportStatuses", reports.clone()).await.0, "FORBIDDEN");
    assert_eq!(
        desk.anonymous().try_mutate("reportStatuses", "__typename", reports.clone()).await.unwrap().code(),
        "UNAUTHENTICATED"
    );
    assert_eq!(desk.as_("requester1").await.execute(PANORAMA, json!({ "reference": token })).await.code(), "FORBIDDEN");
    // A key has its scopes until it expires or is revoked.
    let expires = "2026-03-05T00:00:00Z";
    let made = admin
        .mutate_ok(
            "issueApiKey",
            "apiKey system { apiKeys { id prefix scopes expiresAt } }",
            json!({ "systemKey": "ERP", "scopes": ["REPORT"], "expiresAt": expires }),
        )
        .await;
    let narrow = Client { token: Some(made["apiKey"].as_str().unwrap().to_owned()), ..desk.anonymous() };
    let keys = made["system"]["apiKeys"].as_array().unwrap();
    let (narrow_key, wide_key): (Vec<&Json>, Vec<&Json>) =
        keys.iter().partition(|key| key["scopes"] == json!(["REPORT"]));
    assert_eq!((narrow_key.len(), &narrow_key[0]["expiresAt"]), (1, &json!(expires)));
    assert_eq!(narrow.count_tickets().await, 0);
    assert_eq!(narrow.refusal("linkExternalRef", link("ERP")).await.0, "FORBIDDEN");
    assert_eq!(narrow.execute("{ outstandingCorrections { nodes { causeId } } }", json!({})).await.code(), "FORBIDDEN");
    narrow.mutate_ok("reportStatuses", "__typename", reports.clone()).await;
    desk.advance(days(3)).await;
    assert_eq!(narrow.execute("{ viewer { id } }", json!({})).await.code(), "UNAUTHENTICATED");
    let admin = desk.as_("admin").await;
    admin.mutate_ok("revokeApiKey", "__typename", json!({ "apiKeyId": wide_key[0]["id"] })).await;
    assert_eq!(erp.client.execute("{ viewer { id } }", json!({})).await.code(), "UNAUTHENTICATED");
    let past = json!({ "systemKey": "ERP", "expiresAt": "2026-03-01T00:00:00Z" });
    assert_eq!(admin.refusal("issueApiKey", past).await, ("INVALID".into(), "expiresAt".into()));
    assert_eq!(admin.refusal("registerSystem", json!({ "key": "erp" })).await, ("ALREADY_EXISTS".into(), "key".into()));
    let private = json!({ "key": "X", "callbackUrl": "https://10.0.0.1/x" });
    assert_eq!(admin.refusal("registerSystem", private).await, ("INVALID".into(), "callbackUrl".into()));
    let twice =
        json!({ "key": "X", "statusMap": [{ "word": "a", "status": "NEW" }, { "word": "a", "status": "CLOSED" }] });
    assert_eq!(admin.refusal("registerSystem", twice).await, ("INVALID".into(), "statusMap.word".into()));
    // A repeated registration with the same idempotency key returns the same system without secrets.
    let once = json!({ "key": "WMS", "idempotencyKey": "join" });
    let first = admin.mutate_ok("registerSystem", "apiKey system { id }", once.clone()).await;
    let again = admin.mutate_ok("registerSystem", "apiKey system { id }", once).await;
    assert!(first["apiKey"].is_string());
    assert_eq!((&again["apiKey"], &again["system"]), (&json!(null), &first["system"]));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_creates_tickets_with_its_own_references() {
    let desk = Desk::start().await;
    let (erp, crm) = (Partner::register(&desk, "ERP", 10).await, Partner::register(&desk, "CRM", 10).await);
    let admin = desk.as_("admin").await;
    let key = async |scopes: Json| {
        let made = admin.mutate_ok("issueApiKey", "apiKey", json!({ "systemKey": "ERP", "scopes": scopes })).await;
        Client { token: Some(made["apiKey"].as_str().unwrap().to_owned()), ..desk.anonymous() }
    };
    let input = |more: Json| {
        let mut input = json!({ "title": "泵站停机", "description": "现场已断电重启" });
        input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        input
    };
    let own = |id: &str| json!([{ "system": "ERP", "externalId": id }]);
    // A key needs the scope, and needs no other to learn the token.
    let without = key(json!(["REPORT", "LINK", "READ", "CORRECTIONS"])).await;
    assert_eq!(without.refusal("createTicket", input(json!({}))).await, ("FORBIDDEN".into(), String::new()));
    let only = key(json!(["CREATE"])).await;
    let created =
        only.mutate_ok("createTicket", "token ticket { id }", input(json!({ "externalRefs": own("SO-1") }))).await;
    assert_eq!(created["ticket"], Json::Null, "it may not read");
    let token = created["token"].as_str().unwrap();
    // The system is linked to it: it sees the ticket, and can report at once.
    let panorama = erp.client.query("query Q($reference: String!) { panorama(reference: $reference) { ticket { requester { name } customer { key } externalRefs { system externalId } } } }", json!({ "reference": token })).await;
    let expected =
        json!({ "requester": null, "customer": null, "externalRefs": [{ "system": "ERP", "externalId": "SO-1" }] });
    assert_eq!(panorama["panorama"]["ticket"], expected);
    let at = "2026-03-02T01:00:01Z";
    assert_eq!(erp.report_status(token, "处理中", at).await.1, "IN_PROGRESS");
    assert_eq!(crm.client.count_tickets().await, 0, "no other system is linked");
    // Without a number of its own it is linked, too; requester and customer are found by key.
    let more = json!({ "requesterEmail": "requester2@desk.test", "idempotencyKey": "once" });
    let fields = "token ticket { id }";
    let created = erp.client.mutate_ok("createTicket", fields, input(more.clone())).await;
    assert!(created["ticket"]["id"].is_string(), "{created}");
    assert_eq!(erp.client.mutate_ok("createTicket", fields, input(more)).await, created, "the same ticket");
    assert_eq!(erp.client.count_tickets().await, 2);
    let about = "query Q($id: ID!) { ticket(id: $id) { requester { name } customer { key } channel } }";
    let seen = admin.query(about, json!({ "id": created["ticket"]["id"] })).await["ticket"].clone();
    assert_eq!(seen["requester"]["name"], "requester2", "{seen}");
    for (more, expected) in [
        (json!({ "externalRefs": [{ "system": "CRM", "externalId": "C-1" }] }), ("FORBIDDEN", "externalRefs.system")),
        (
            json!({ "externalRefs": [{ "system": "ERP", "externalId": "SO-2" }, { "system": "CRM", "externalId": "C-1" }] }),
            ("FORBIDDEN", "externalRefs.system"),
        ),
        (json!({ "externalRefs": own("SO-1") }), ("ALREADY_EXISTS", "externalRefs")),
        (json!({ "requesterEmail": "nobody@desk.test" }), ("UNKNOWN_KEY", "requesterEmail")),
        (json!({ "customerKey": "NOBODY" }), ("UNKNOWN_KEY", "customerKey")),
    ] {
        let (code, field) = erp.client.refusal("createTicket", input(more.clone())).await;
        assert_eq!((code.as_str(), field.as_str()), expected, "{more}");
    }
    assert_eq!(erp.client.count_tickets().await, 2, "a refusal creates nothing");
    // An account with the role PARTNER that is no system creates nothing.
    assert_eq!(desk.as_("partner").await.refusal("createTicket", input(json!({}))).await.0, "FORBIDDEN");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn divergence_counts_after_the_grace_period_and_ends_with_agreement() {
    let desk = Desk::start().await;
    let (crm, erp) = (Partner::register(&desk, "CRM", 10).await, Partner::register(&desk, "ERP", 10).await);
    let mut tickets = Vec::new();
    for n in 0..4 {
        let (id, token) = new_ticket(&desk, &format!("差异 {n}"), &["CRM", "ERP"]).await;
        assign_and_accept(&desk, &id).await;
        crm.report_status(&token, "处理中", "2026-03-02T01:00:00Z").await;
        tickets.push((id, token));
    }
    for (_, token) in &tickets[..3] {
        erp.report_status(token, "处理中", "2026-03-02T01:00:00Z").await;
    }
    for (_, token) in &tickets[..2] {
        erp.report_status(token, "待确认", "2026-03-02T01:00:30Z").await;
    }
    let query = "query Q($p: Period!) { divergence(period: $p) { current { numerator denominator pending value healthy target }
        series { at differing compared } pairs { first second ratio { numerator denominator } medianSecondsToAgreement } medianSecondsToAgreement } }";
    let period = json!({ "p": { "from": "2026-03-02T00:00:00Z", "to": "2026-03-09T00:00:00Z" } });
    let seen = desk.as_("admin").await.query(query, period.clone()).await["divergence"].clone();
    assert_eq!(
        (&seen["current"]["numerator"], &seen["current"]["denominator"], &seen["current"]["pending"]),
        (&json!(0), &json!(3), &json!(2))
    );
    desk.advance(minutes(5)).await;
    let seen = desk.as_("admin").await.query(query, period.clone()).await["divergence"].clone();
    assert_eq!((&seen["current"]["numerator"], &seen["current"]["denominator"]), (&json!(2), &json!(3)));
    assert_eq!(seen["current"]["healthy"], false);
    assert_eq!(seen["pairs"][0]["ratio"], json!({ "numerator": 2, "denominator": 3 }));
    assert_eq!(seen["medianSecondsToAgreement"], json!(null));
    // The CRM acknowledges its corrections.
    let due = crm.client.query("{ outstandingCorrections { nodes { uuid word causeId } } }", json!({})).await;
    for one in due["outstandingCorrections"]["nodes"].as_array().unwrap() {
        crm.report(json!([{ "uuid": one["uuid"], "status": one["word"], "timestamp": "2026-03-02T01:05:00Z", "operator": "同步", "causeId": one["causeId"] }])).await;
    }
    desk.advance(days(2)).await;
    let seen = desk.as_("admin").await.query(query, period.clone()).await["divergence"].clone();
    assert_eq!((&seen["current"]["numerator"], &seen["current"]["denominator"]), (&json!(0), &json!(3)));
    assert_eq!(
        (&seen["medianSecondsToAgreement"], &seen["pairs"][0]["medianSecondsToAgreement"]),
        (&json!(300), &json!(300))
    );
    assert_eq!(seen["series"].as_array().unwrap().len(), 3, "{seen:#}");
    // Divergence respects the viewer's scope.
    let seen = desk.as_("agent3").await.query(query, period).await["divergence"].clone();
    assert_eq!(seen["current"]["denominator"], 0);
    desk.advance(seconds(1)).await;
    desk.close().await;
}
