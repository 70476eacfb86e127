//! Saving calendars; each save creates a new version.

use std::sync::Arc;

use super::decide::check;
use super::model::{
    AROUND_THE_CLOCK, CHINA, Calendar, CalendarEvent, CalendarRef, CalendarVersion, DAY, Hours, Range, SaveCalendar,
    china,
};
use super::store;
use crate::kernel::text::{NAME_CHARS_MAX, key, line};
use crate::kernel::{Result, boxed};
use crate::runtime::{Command, Tx};

impl Command for SaveCalendar {
    const NAME: &'static str = "saveCalendar";
    type Output = String;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<String> {
        tx.actor().require_admin()?;
        let Self { key: given, name, name_zh, archived, hours } = self;
        let key = key("key", given)?;
        let zone = check(hours)?;
        let version = store::last_version(tx.conn(), &key).await?.map_or(1, |last| last + 1);
        let saved = CalendarVersion {
            of: CalendarRef { key: key.clone(), version },
            name: line("name", name, NAME_CHARS_MAX)?,
            name_zh: name_zh.as_deref().map(|name| line("nameZh", name, NAME_CHARS_MAX)).transpose()?,
            archived: *archived,
            hours: hours.clone(),
            calendar: Arc::new(Calendar::new(hours.clone(), zone)),
        };
        store::insert(tx.conn(), saved, tx.now).await?;
        tx.record(CalendarEvent::CalendarSaved { key: key.clone(), version }).await?;
        Ok(key)
    }
}

/// Creates the default calendars in an installation without calendars.
#[boxed]
pub async fn seed(tx: &mut Tx) -> Result<()> {
    if store::has_calendars(tx.conn()).await? {
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
