//! A page of 50 tickets with their assignees and last three comments, relative to hand-written SQL and JSON over the
//! same HTTP server.

use std::time::Duration;

use actix_web::{App as HttpApp, HttpResponse, HttpServer, web};
use serde_json::{Value as Json, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Row as _};

use crate::client::{get, post};
use crate::instance::Instance;
use crate::load::over_http;
use crate::report::{Report, rate};

const DURATION: Duration = Duration::from_secs(6);
const CLIENTS: usize = 16;

pub const PAGE: &str = "{ tickets(first: 50, orderBy: { field: CREATED_AT, direction: DESC }) {
    nodes { id number title status priority createdAt assignee { id name }
        comments(last: 3) { nodes { id body createdAt author { id name } } } }
    pageInfo { endCursor hasNextPage } } }";

/// A hand-written handler, without a library between SQL and JSON.
async fn by_hand(pool: web::Data<SqlitePool>) -> HttpResponse {
    let rows = sqlx::query(
        "select t.id, t.number, t.title, t.status, t.priority, t.created_at, u.id, u.name
         from ticket t left join user u on u.id = t.assignee_id order by t.created_at desc, t.number desc limit 51",
    )
    .fetch_all(pool.get_ref())
    .await
    .expect("tickets");
    let rows = &rows[..rows.len().min(50)];
    let placeholders = vec!["?"; rows.len()].join(",");
    let sql = format!(
        "select c.ticket_id, c.id, c.body, c.created_at, u.id, u.name from (select *, row_number() over
            (partition by ticket_id order by created_at desc, id desc) as place from comment where ticket_id in ({placeholders})) c
         join user u on u.id = c.author_id where c.place <= 3 order by c.created_at, c.id"
    );
    let mut comments = sqlx::query(sqlx::AssertSqlSafe(sql));
    for row in rows {
        comments = comments.bind(row.get::<uuid::Uuid, _>(0));
    }
    let comments = comments.fetch_all(pool.get_ref()).await.expect("comments");
    let mut of: std::collections::HashMap<uuid::Uuid, Vec<Json>> = std::collections::HashMap::new();
    for row in &comments {
        of.entry(row.get(0)).or_default().push(json!({ "id": row.get::<uuid::Uuid, _>(1), "body": row.get::<&str, _>(2),
            "createdAt": row.get::<i64, _>(3), "author": { "id": row.get::<uuid::Uuid, _>(4), "name": row.get::<&str, _>(5) } }));
    }
    let nodes: Vec<Json> = rows
        .iter()
        .map(|row| {
            let id = row.get::<uuid::Uuid, _>(0);
            let assignee = row.get::<Option<uuid::Uuid>, _>(6).map(|id| json!({ "id": id, "name": row.get::<&str, _>(7) }));
            json!({ "id": id, "number": row.get::<i64, _>(1), "title": row.get::<&str, _>(2), "status": row.get::<&str, _>(3),
                "priority": row.get::<i64, _>(4), "createdAt": row.get::<i64, _>(5), "assignee": assignee,
                "comments": { "nodes": of.remove(&id).unwrap_or_default() } })
        })
        .collect();
    HttpResponse::Ok().json(json!({ "data": { "tickets": { "nodes": nodes } } }))
}

pub async fn fill(instance: &Instance, tickets: usize) {
    let token = instance.token(instance.admin).await;
    let address = instance.address();
    let wanted = tickets as u64;
    let creating = token.clone();
    over_http(&address, 32, Duration::from_secs(600), move |n| {
        (n < wanted).then(|| crate::writes::create(&creating, n))
    })
    .await;
    let mut connection = crate::client::Connection::open(&address).await.expect("the server listens");
    let list = json!({ "query": "query Q($after: String) { tickets(first: 100, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } }" });
    let (mut ids, mut after): (Vec<String>, Json) = (Vec::new(), Json::Null);
    loop {
        let mut body = list.clone();
        body["variables"] = json!({ "after": after });
        let answer: Json =
            serde_json::from_slice(connection.ask(&post("/graphql", &token, &body)).await.expect("a page"))
                .expect("JSON");
        let page = &answer["data"]["tickets"];
        ids.extend(
            page["nodes"].as_array().expect("nodes").iter().filter_map(|node| node["id"].as_str().map(str::to_owned)),
        );
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false || ids.len() >= 2_000 {
            break;
        }
    }
    let agents: Vec<String> = instance.agents.iter().map(ToString::to_string).collect();
    let asking = token.clone();
    over_http(&address, 32, Duration::from_secs(600), move |n| {
        let (id, step) = (ids.get(usize::try_from(n / 5).ok()?)?, n % 5);
        let body = match step {
            0 => json!({ "query": "mutation A($i: AssignTicketInput!) { assignTicket(input: $i) { userErrors { code } } }",
                "variables": { "i": { "ticketId": id, "assigneeId": agents[usize::try_from(n).ok()? % agents.len()] } } }),
            _ => json!({ "query": "mutation C($i: AddCommentInput!) { addComment(input: $i) { userErrors { code } } }",
                "variables": { "i": { "ticketId": id, "visibility": "PUBLIC", "body": format!("检查了端子 X{n}，温度正常 checked again") } } }),
        };
        Some(post("/graphql", &asking, &body))
    })
    .await;
    instance.wait_until_indexed().await;
}

pub async fn page(report: &mut Report) {
    let instance = Instance::open().await;
    fill(&instance, 2_000).await;
    let token = instance.token(instance.admin).await;
    let options = SqliteConnectOptions::new()
        .filename(instance.config.data_dir.join("buoy.sqlite"))
        .read_only(true)
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.expect("a pool");
    let data = web::Data::new(pool);
    let by_hand_server =
        HttpServer::new(move || HttpApp::new().app_data(data.clone()).route("/page", web::get().to(by_hand)))
            .disable_signals()
            .bind("127.0.0.1:0")
            .expect("a free port");
    let hand_address = by_hand_server.addrs()[0].to_string();
    let running = by_hand_server.run();
    let handle = running.handle();
    let running = tokio::spawn(running);
    let request = post("/graphql", &token, &json!({ "query": PAGE }));
    let mut ours = Vec::new();
    let mut limits = Vec::new();
    for _ in 0..2 {
        limits.push(over_http(&hand_address, CLIENTS, DURATION, |_| Some(get("/page"))).await.per_second);
        let request = request.clone();
        ours.push(over_http(&instance.address(), CLIENTS, DURATION, move |_| Some(request.clone())).await.per_second);
    }
    let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64;
    report.row(
        "a page of 50 tickets with assignee and last 3 comments",
        rate(mean(&ours)),
        "hand-written SQL and JSON over the same HTTP server",
        rate(mean(&limits)),
        mean(&ours) / mean(&limits),
    );
    handle.stop(false).await;
    let _ = running.await;
    instance.close().await;
}
