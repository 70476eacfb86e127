//! Schema, reading and writing of plain rows of any table.

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use serde_json::Value as Json;
use uuid::Uuid;

use super::model::{Cells, Column, Kind};
use crate::kernel::{Error, Result};
use crate::runtime::db::Rows;
use crate::runtime::{Engine, Executor};

/// Rows per INSERT: SQLite takes 32,766 values, and no table has more than 60 columns.
pub const INSERT_ROWS: usize = 500;

pub async fn columns(conn: &Executor, engine: Engine, table: &str) -> Result<Vec<Column>> {
    let mut query = Query::select();
    match engine {
        Engine::Postgres => query
            .expr_as(Expr::cust("column_name::text"), "name")
            .expr_as(Expr::cust("data_type::text"), "type")
            .from(("information_schema", "columns"))
            .and_where(Expr::cust_with_values("table_schema = current_schema() and table_name = $1", [table]))
            .order_by_expr(Expr::cust("ordinal_position"), Order::Asc),
        Engine::Sqlite => query
            .expr_as(Expr::cust("name"), "name")
            .expr_as(Expr::cust("lower(type)"), "type")
            .from_function(sea_orm::sea_query::Func::cust("pragma_table_info").arg(table), "info")
            .order_by_expr(Expr::cust("cid"), Order::Asc),
    };
    let rows = conn.query_all(&query).await?;
    rows.iter()
        .map(|row| {
            let (name, declared): (String, String) = (row.try_get("", "name")?, row.try_get("", "type")?);
            let kind = match declared.as_str() {
                "uuid" | "uuid_text" => Kind::Uuid,
                "blob" | "bytea" => Kind::Bytes,
                "boolean" => Kind::Boolean,
                "integer" | "bigint" => Kind::Integer,
                "text" | "varchar" | "character varying" => Kind::Text,
                other => return Err(Error::internal(format!("{table}.{name}: no backup of columns of type {other}"))),
            };
            Ok(Column { name, kind })
        })
        .collect()
}

pub async fn count(conn: &Executor, table: &str) -> Result<u64> {
    let mut query = Query::select();
    query.expr_as(Expr::cust("count(*)"), "n").from(Alias::new(table));
    let row = conn.query_one(&query).await?.ok_or_else(|| Error::internal("a count gives a row"))?;
    Ok(u64::try_from(row.try_get::<i64>("", "n")?).unwrap_or(0))
}

/// Streams every row of a table, in the order of `by`.
pub async fn rows<'a>(tx: &'a Executor, table: &str, columns: &[Column], by: &[&str]) -> Result<Rows<'a>> {
    let mut query: SelectStatement = Query::select();
    query.from(Alias::new(table));
    for Column { name, kind } in columns {
        let column = Expr::col(Alias::new(name));
        match kind {
            // PostgreSQL has two widths of integers; read both as bigint.
            Kind::Integer => query.expr_as(column.cast_as(Alias::new("bigint")), Alias::new(name)),
            _ => query.expr_as(column, Alias::new(name)),
        };
    }
    for column in by {
        query.order_by(Alias::new(*column), Order::Asc);
    }
    tx.stream(&query).await
}

pub fn cells(row: &QueryResult, columns: &[Column]) -> Result<Cells> {
    let cell = |Column { name, kind }: &Column| -> Result<Json, DbErr> {
        Ok(match kind {
            Kind::Integer => row.try_get::<Option<i64>>("", name)?.into(),
            Kind::Boolean => row.try_get::<Option<bool>>("", name)?.into(),
            Kind::Text => row.try_get::<Option<String>>("", name)?.into(),
            Kind::Bytes => row.try_get::<Option<Vec<u8>>>("", name)?.map(hex::encode).into(),
            Kind::Uuid => row.try_get::<Option<Uuid>>("", name)?.map(|id| hex::encode(id.as_bytes())).into(),
        })
    };
    Ok(columns.iter().map(cell).collect::<Result<_, _>>()?)
}

/// Converts a cell to a database value; `None` if it does not fit the column.
fn value(cell: &Json, kind: Kind) -> Option<Value> {
    Some(match (kind, cell) {
        (Kind::Integer, Json::Null) => Value::BigInt(None),
        (Kind::Integer, cell) => cell.as_i64()?.into(),
        (Kind::Boolean, Json::Null) => Value::Bool(None),
        (Kind::Boolean, cell) => cell.as_bool()?.into(),
        (Kind::Text, Json::Null) => Value::String(None),
        (Kind::Text, cell) => cell.as_str()?.into(),
        (Kind::Bytes, Json::Null) => Value::Bytes(None),
        (Kind::Bytes, cell) => hex::decode(cell.as_str()?).ok()?.into(),
        (Kind::Uuid, Json::Null) => Value::Uuid(None),
        (Kind::Uuid, cell) => Uuid::from_slice(&hex::decode(cell.as_str()?).ok()?).ok()?.into(),
    })
}

pub async fn insert(conn: &Executor, table: &str, columns: &[Column], rows: &[Cells]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut insert = Query::insert();
    insert.into_table(Alias::new(table)).columns(columns.iter().map(|column| Alias::new(&column.name)));
    for row in rows {
        let values: Option<Vec<SimpleExpr>> =
            row.iter().zip(columns).map(|(cell, column)| value(cell, column.kind).map(Expr::val)).collect();
        let values = values.ok_or_else(|| Error::internal(format!("{table}: a value does not fit its column")))?;
        insert.values(values).map_err(|e| Error::internal(format!("{table}: {e}")))?;
    }
    conn.execute(&insert).await?;
    Ok(())
}

/// Continues the sequences of PostgreSQL after the restored rows.
pub async fn reset_sequences(conn: &Executor) -> Result<()> {
    for sql in [
        "select setval(pg_get_serial_sequence('event_log', 'seq'), greatest(1, max(seq)), max(seq) is not null) from event_log",
        "select setval('ticket_number', greatest(1, max(number)), max(number) is not null) from ticket",
    ] {
        conn.execute_unprepared(sql).await?;
    }
    Ok(())
}
