//! The languages of messages and answers.

use super::string_enum;

string_enum! {
    /// A language of messages and answers.
    Locale {
        En = "en",
        ZhCn = "zh-CN",
    }
}

impl Locale {
    /// The supported language with the highest weight in an `Accept-Language` header; English if there is none.
    pub fn from_accept_language(header: Option<&str>) -> Self {
        let mut best = (0.0, Self::En);
        for part in header.unwrap_or_default().split(',') {
            let (tag, params) = part.split_once(';').unwrap_or((part, ""));
            let weight = params.trim().strip_prefix("q=").map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
            let locale = match tag.trim().split(['-', '_']).next() {
                Some(primary) if primary.eq_ignore_ascii_case("zh") => Self::ZhCn,
                Some(primary) if primary.eq_ignore_ascii_case("en") => Self::En,
                _ => continue,
            };
            if weight > best.0 {
                best = (weight, locale);
            }
        }
        best.1
    }

    /// The name in this language; English if there is no Chinese one.
    pub fn name<'n>(self, en: &'n str, zh: Option<&'n str>) -> &'n str {
        match (self, zh) {
            (Self::ZhCn, Some(zh)) => zh,
            _ => en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_supported_language_with_the_highest_weight_is_chosen() {
        for (header, locale) in [
            (None, Locale::En),
            (Some("zh-CN,zh;q=0.9,en;q=0.8"), Locale::ZhCn),
            (Some("en-GB, zh;q=0.5"), Locale::En),
            (Some("fr, zh-TW;q=0.3, en;q=0.2"), Locale::ZhCn),
            (Some("de"), Locale::En),
            (Some("zh;q=0"), Locale::En),
            (Some(";;,=q"), Locale::En),
        ] {
            assert_eq!(Locale::from_accept_language(header), locale, "{header:?}");
        }
    }
}
