//! The staging file: the rows of one import, sorted by ticket, in a temporary SQLite file.

use std::path::Path;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, TransactionTrait as _};

use super::super::model::Row;
use crate::kernel::{Error, Result};

pub struct StagingFile {
    db: DatabaseConnection,
    _folder: tempfile::TempDir,
}

/// Rows per INSERT.
const CHUNK: usize = 200;
/// Rows per read.
pub const READ_MAX: u64 = 5_000;

impl StagingFile {
    pub async fn begin(data_dir: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("import-").tempdir_in(data_dir).map_err(Error::internal)?;
        let mut options = ConnectOptions::new(format!("sqlite://{}/stage.sqlite?mode=rwc", folder.path().display()));
        options.max_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(|sqlite| {
            // The file is temporary and needs no durability.
            sqlite
                .journal_mode(sea_orm::sqlx::sqlite::SqliteJournalMode::Off)
                .synchronous(sea_orm::sqlx::sqlite::SqliteSynchronous::Off)
        });
        let db = Database::connect(options).await?;
        db.execute_unprepared(
            "create table staged (id text not null, place integer not null, line integer not null, body text not null)",
        )
        .await?;
        Ok(Self { db, _folder: folder })
    }

    pub async fn put(&self, rows: &[Row]) -> Result<()> {
        let tx = self.db.begin().await?;
        for rows in rows.chunks(CHUNK) {
            let mut insert = Query::insert();
            insert.into_table("staged").columns(["id", "place", "line", "body"]);
            for row in rows {
                let body = serde_json::to_string(row).map_err(Error::internal)?;
                insert.values_panic([
                    Expr::val(row.id.clone()),
                    Expr::val(row.order),
                    Expr::val(i64::try_from(row.line).unwrap_or(i64::MAX)),
                    Expr::val(body),
                ]);
            }
            tx.execute(&insert).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Creates the sort index; returns the number of tickets.
    pub async fn sort(&self) -> Result<u64> {
        self.db.execute_unprepared("create index in_order on staged (id, place, line)").await?;
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
        for column in ["id", "place", "line"] {
            select.order_by(column, sea_orm::Order::Asc);
        }
        if let Some(Row { id, order, line, .. }) = after {
            let line = i64::try_from(*line).unwrap_or(i64::MAX);
            select.and_where(Expr::cust_with_values(
                "(id, place, line) > (?, ?, ?)",
                [sea_orm::Value::from(id.clone()), (*order).into(), line.into()],
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
}
