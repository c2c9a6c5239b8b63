//! Values of any type: what is of another one than expected counts as absent, since payloads change with every version.

use std::fmt;

use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Reads a value of any type; what is not of use makes the default.
pub trait Lenient<'de>: Sized {
    type Value: Default;

    fn truth(self, _: bool) -> Self::Value {
        Self::Value::default()
    }

    fn text<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Self::Value::default())
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Value::default())
    }

    fn table<A: MapAccess<'de>>(self, mut table: A) -> Result<Self::Value, A::Error> {
        while table.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::Value::default())
    }
}

/// The visitor that every [`Lenient`] shares.
pub struct AnyOf<L>(pub L);

impl<'de, L: Lenient<'de>> Visitor<'de> for AnyOf<L> {
    type Value = L::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, is_so: bool) -> Result<L::Value, E> {
        Ok(self.0.truth(is_so))
    }

    fn visit_i64<E>(self, _: i64) -> Result<L::Value, E> {
        Ok(L::Value::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<L::Value, E> {
        Ok(L::Value::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<L::Value, E> {
        Ok(L::Value::default())
    }

    fn visit_unit<E>(self) -> Result<L::Value, E> {
        Ok(L::Value::default())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<L::Value, E> {
        self.0.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<L::Value, A::Error> {
        self.0.list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<L::Value, A::Error> {
        self.0.table(table)
    }
}
