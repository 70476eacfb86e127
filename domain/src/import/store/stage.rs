//! The staging file: the rows of one import, sorted by ticket, in a temporary SQLite file.

use std::collections::HashSet;
use std::path::Path;

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait as _,
};

use super::super::decide::order::{RowOrder, SortKey, place};
use super::super::model::Row;
use crate::kernel::{Error, Result};

pub struct StagingFile {
    db: DatabaseConnection,
    folder: tempfile::TempDir,
    order: RowOrder,
    /// The file begins with its newest rows: of rows of the same time the later one in the file is the older one.
    newest_first: bool,
}

/// Rows per INSERT.
const CHUNK: usize = 200;
/// Rows per read.
pub const READ_MAX: u64 = 5_000;

// `place` has no type, so that numbers and texts stay what they are.
const TABLES: &str = "create table staged (id text not null, place, seq integer not null, body text not null);
    create table gap (id text not null primary key) without rowid";
/// How often the time falls and rises from one row of a ticket to its next one in the file.
const DIRECTIONS: &str = "select coalesce(sum(place < before), 0) as falls, coalesce(sum(place > before), 0) as rises
    from (select place, lag(place) over (partition by id order by seq) as before from staged)";

impl StagingFile {
    pub async fn begin(data_dir: &Path, order: RowOrder) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("import-").tempdir_in(data_dir).map_err(Error::internal)?;
        let mut options = ConnectOptions::new(format!("sqlite://{}/stage.sqlite?mode=rwc", folder.path().display()));
        options.max_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(|sqlite| {
            // The file is temporary and needs no durability.
            sqlite
                .journal_mode(sea_orm::sqlx::sqlite::SqliteJournalMode::Off)
                .synchronous(sea_orm::sqlx::sqlite::SqliteSynchronous::Off)
        });
        let db = Database::connect(options).await?;
        db.execute_unprepared(TABLES).await?;
        Ok(Self { db, folder, order, newest_first: false })
    }

    /// The folder of this import, which ends with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub async fn put(&self, rows: &[Row]) -> Result<()> {
        let tx = self.db.begin().await?;
        for rows in rows.chunks(CHUNK) {
            let mut insert = Query::insert();
            insert.into_table("staged").columns(["id", "place", "seq", "body"]);
            for row in rows {
                let body = serde_json::to_string(row).map_err(Error::internal)?;
                insert.values_panic([
                    Expr::val(row.id.clone()),
                    Expr::val(self.place(row)),
                    Expr::val(seq(row)),
                    Expr::val(body),
                ]);
            }
            tx.execute(&insert).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Tickets of which a row was refused.
    pub async fn put_gaps(&self, ids: Vec<String>) -> Result<()> {
        for ids in ids.chunks(CHUNK) {
            let mut insert = Query::insert();
            insert.into_table("gap").columns(["id"]);
            for id in ids {
                insert.values_panic([Expr::val(id.clone())]);
            }
            insert.on_conflict(sea_orm::sea_query::OnConflict::column("id").do_nothing().to_owned());
            self.db.execute(&insert).await?;
        }
        Ok(())
    }

    /// The tickets among these of which a row was refused.
    pub async fn gaps(&self, ids: Vec<String>) -> Result<HashSet<String>> {
        let mut select = Query::select();
        select.column("id").from("gap").and_where(Expr::col("id").is_in(ids));
        let rows = self.db.query_all(&select).await?;
        Ok(rows.into_iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?)
    }

    /// Creates the sort index; returns the number of tickets.
    pub async fn sort(&mut self) -> Result<u64> {
        if self.order == RowOrder::Time {
            let directions = Statement::from_string(DbBackend::Sqlite, DIRECTIONS);
            if let Some(row) = self.db.query_one_raw(directions).await? {
                let (falls, rises): (i64, i64) = (row.try_get("", "falls")?, row.try_get("", "rises")?);
                self.newest_first = falls > rises;
            }
        }
        if self.newest_first {
            self.db.execute_unprepared("update staged set seq = -seq").await?;
        }
        self.db.execute_unprepared("create index in_order on staged (id, place, seq)").await?;
        let mut count = Query::select();
        count.expr_as(Expr::cust("count(distinct id)"), "n").from("staged");
        let row = self.db.query_one(&count).await?;
        let n: i64 = row.map(|row| row.try_get("", "n")).transpose()?.unwrap_or(0);
        Ok(u64::try_from(n).unwrap_or(0))
    }

    /// The next rows in order, after the last one that was read.
    pub async fn rows(&self, after: Option<&Row>) -> Result<Vec<Row>> {
        let mut select = Query::select();
        select.column("body").from("staged").limit(READ_MAX);
        for column in ["id", "place", "seq"] {
            select.order_by(column, sea_orm::Order::Asc);
        }
        if let Some(row) = after {
            let seq = if self.newest_first { -seq(row) } else { seq(row) };
            select.and_where(Expr::cust_with_values(
                "(id, place, seq) > (?, ?, ?)",
                [sea_orm::Value::from(row.id.clone()), self.place(row), seq.into()],
            ));
        }
        self.db
            .query_all(&select)
            .await?
            .into_iter()
            .map(|row| {
                let body: String = row.try_get("", "body")?;
                serde_json::from_str(&body).map_err(Error::internal)
            })
            .collect()
    }

    fn place(&self, row: &Row) -> sea_orm::Value {
        match place(row, self.order) {
            SortKey::Whole(number) => number.into(),
            SortKey::Decimal(number) => number.into(),
            SortKey::Text(text) => text.into(),
        }
    }
}

/// The place of a row in the file.
fn seq(row: &Row) -> i64 {
    i64::try_from(row.line).unwrap_or(i64::MAX)
}
