//! Inserts tickets as rows, where a benchmark needs more than the API could create in time.

use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

use crate::instance::Instance;

/// The id of the n-th row.
pub fn id(n: u64) -> Uuid {
    Uuid::from_u128(u128::from(n) + 1)
}

/// Far above the numbers that the product assigns in the meantime.
pub const NUMBERS_FROM: u64 = 1_000_000_000;

/// Inserts tickets without history, for benchmarks that read and write tickets by SQL.
pub async fn fill(instance: &Instance, from: u64, to: u64, status: &str) {
    let teams: Vec<String> = domain::catalogue::queries::cached(&instance.app)
        .await
        .expect("the catalogue")
        .teams
        .keys()
        .map(|id| format!("x'{}'", id.0.simple()))
        .collect();
    let agents: Vec<String> = instance.agents.iter().map(|id| format!("x'{}'", id.0.simple())).collect();
    let cases = |of: &str, ids: &[String]| {
        let arms: String = ids.iter().enumerate().map(|(n, id)| format!(" when {n} then {id}")).collect();
        format!("case n % {}{arms} end as {of}", ids.len())
    };
    let sql = format!(
        "with recursive n(n) as (select {from} union all select n + 1 from n where n + 1 < {to})
         insert into ticket (id, number, token, title, description, status, priority, issue_type, product, required_skills,
            channel, version, team_id, assignee_id, accepted, confidential, imported, created_at, updated_at,
            public_updated_at, reopen_count, hand_over_count, chase_count, first_resolution_hand_overs)
         select unhex(printf('%032x', n + 1)), {} + n, 'BENCH-' || n, 'PM-3300 停机 E-' || (n % 900),
            '设备 PM-3300 报警，重启后仍然出现 The line stops after some minutes; the display shows a code. ' || n,
            {status}, 1 + n % 4,
            'TYPE' || (n % 20), 'PM-3300', '[]', 'api', 1, {}, {}, 1, 0, 1, at, at, at, 0, 0, 0, 0
         from (select n, 1760000000000 + n * 30000 as at from n)",
        // The product continues from the largest number, so each batch starts well above it.
        NUMBERS_FROM + from * 100,
        cases("team", &teams),
        cases("agent", &agents),
    );
    let tx = instance.app.db.begin().await.expect("a transaction");
    tx.conn().execute_unprepared(&sql).await.expect("tickets");
    tx.conn().execute_unprepared("analyze").await.expect("statistics");
    tx.commit().await.expect("a commit");
}

/// Both clocks of every ticket, far from due.
pub async fn start_clocks(instance: &Instance) {
    let sql = "insert into sla_clock (ticket_id, metric, policy_key, policy_version, calendar_key, calendar_version, target_ms,
            started_at, spent_ms, since, due_at)
         select ticket.id, metric.name, policy.key, policy.version, calendar.key, calendar.version, 126230400000, created_at, 0,
            created_at, created_at + 126230400000
         from ticket, (select 'FIRST_RESPONSE' as name union all select 'RESOLUTION') as metric,
            (select key, version from sla_policy order by key limit 1) as policy,
            (select key, version from calendar order by key limit 1) as calendar";
    let tx = instance.app.db.begin().await.expect("a transaction");
    tx.conn().execute_unprepared(sql).await.expect("clocks");
    tx.commit().await.expect("a commit");
}
