//! Saving calendars: each time a new version.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, SqlErr};

use super::decide::check;
use super::model::{AROUND_THE_CLOCK, CHINA, CalendarEvent, DAY, Hours, Range, SaveCalendar, china};
use super::store::calendar;
use crate::event::Event;
use crate::kernel::text::{NAME_CHARS_MAX, key, line};
use crate::kernel::{Error, Result};
use crate::runtime::{Command, Tx};

impl Command for SaveCalendar {
    const NAME: &'static str = "saveCalendar";
    type Output = String;

    async fn run(&self, tx: &mut Tx) -> Result<String> {
        tx.actor().require_admin()?;
        let Self { key: given, name, name_zh, archived, hours } = self;
        let key = key("key", given)?;
        check(hours)?;
        let last = calendar::Entity::find()
            .filter(calendar::Column::Key.eq(&key))
            .order_by_desc(calendar::Column::Version)
            .one(tx.conn())
            .await?;
        let version = last.map_or(1, |last| last.version + 1);
        let row = calendar::ActiveModel {
            key: Set(key.clone()),
            version: Set(version),
            name: Set(line("name", name, NAME_CHARS_MAX)?),
            name_zh: Set(name_zh.as_deref().map(|name| line("nameZh", name, NAME_CHARS_MAX)).transpose()?),
            archived: Set(*archived),
            hours: Set(serde_json::to_string(hours).map_err(Error::internal)?),
            saved_at: Set(tx.now),
        };
        match calendar::Entity::insert(row).exec_without_returning(tx.conn()).await {
            Ok(_) => {}
            // Somebody else saved the same one at the same moment.
            Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => return Err(Error::Conflict),
            Err(e) => return Err(e.into()),
        }
        tx.record(Event::Calendar(CalendarEvent::CalendarSaved { key: key.clone(), version })).await?;
        Ok(key)
    }
}

/// Gives an installation without calendars those that it begins with.
pub async fn seed(tx: &mut Tx) -> Result<()> {
    if calendar::Entity::find().one(tx.conn()).await?.is_some() {
        return Ok(());
    }
    let whole = vec![Range { from: 0, to: DAY }];
    let always = Hours { zone: "UTC".to_owned(), week: std::array::from_fn(|_| whole.clone()), exceptions: Vec::new() };
    let office = [Range { from: 9 * 60, to: 12 * 60 }, Range { from: 13 * 60, to: 18 * 60 }];
    let china = Hours {
        zone: "Asia/Shanghai".to_owned(),
        week: std::array::from_fn(|day| if day < 5 { office.to_vec() } else { Vec::new() }),
        exceptions: china().into_iter().flat_map(|year| year.exceptions).collect(),
    };
    for (key, name, name_zh, hours) in [
        (AROUND_THE_CLOCK, "Around the clock", "全天候", always),
        (CHINA, "China: office hours and public holidays", "中国：工作日与法定节假日（含调休）", china),
    ] {
        let save = SaveCalendar {
            key: key.to_owned(),
            name: name.to_owned(),
            name_zh: Some(name_zh.to_owned()),
            archived: false,
            hours,
        };
        save.run(tx).await?;
    }
    Ok(())
}
