//! The first of the two doors for free text: what this process tells the hub is redacted before it is numbered,
//! spooled or sent. The second is the hub's own, for whoever did not.
//!
//! The key is the hub's secret in the state folder, so that both doors write the same placeholders. It is the hub that
//! makes the secret; where no hub ever ran, placeholders have no hash. Absent on purpose: which texts there are
//! (`codi2_protocol::Texts`), and what a secret looks like (`codi2_redaction`).

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::Read;

use codi2_protocol::{Kind, Texts};
use codi2_redaction::Redactor;

use crate::places::Places;

/// Redacts every text of a message.
pub fn pass(redactor: &Redactor, message: &mut impl Texts) {
    message.each_text(&mut |kind, text| {
        let clean = match kind {
            Kind::Words => redactor.words(text),
            Kind::Path => redactor.path(text),
        };
        let changed = match clean {
            Cow::Owned(changed) => changed,
            Cow::Borrowed(_) => return,
        };
        *text = changed;
    });
}

/// The door of a process that tells the hub things.
#[derive(Debug)]
pub(crate) struct Door {
    places: Places,
    redactor: Redactor,
    is_keyed: bool,
}

impl Door {
    pub(crate) fn new(places: &Places) -> Self {
        Self { places: places.clone(), redactor: Redactor::new(None), is_keyed: false }
    }

    /// Lets a message through, redacted.
    pub(crate) fn pass(&mut self, message: &mut impl Texts) {
        if !self.is_keyed
            && let Some(secret) = secret(&self.places)
        {
            (self.redactor, self.is_keyed) = (Redactor::new(Some(&secret)), true);
        }
        pass(&self.redactor, message);
    }
}

/// The hub's secret, if it is there and whole; never through a symbolic link.
pub fn secret(places: &Places) -> Option<[u8; 32]> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    let mut bytes = Vec::new();
    options.open(places.secret()).ok()?.take(64).read_to_end(&mut bytes).ok()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use codi2_protocol::Fact;

    use super::*;

    fn reason(door: &mut Door, text: &str) -> String {
        let mut fact = Fact::SessionEnded { reason: text.to_owned() };
        door.pass(&mut fact);
        let Fact::SessionEnded { reason } = fact else { unreachable!("it was that") };
        reason
    }

    #[test]
    fn placeholders_get_their_hash_once_the_hub_has_made_its_secret() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::at(folder.path().join("s"), folder.path().join("r"));
        places.prepare().unwrap();
        let mut door = Door::new(&places);
        let secret = format!("glpat-{}", "q8Zr2LmX0aPd7VtKq8Zr");
        assert_eq!(reason(&mut door, &secret), "[redacted:gitlab-token:26]");
        std::fs::write(places.secret(), [3; 31]).unwrap();
        assert_eq!(reason(&mut door, &secret), "[redacted:gitlab-token:26]");
        std::fs::write(places.secret(), [3; 32]).unwrap();
        let keyed = reason(&mut door, &secret);
        assert_eq!(keyed, Redactor::new(Some(&[3; 32])).words(&secret));
        assert_eq!(reason(&mut door, &keyed), keyed);
        assert_eq!(reason(&mut door, "exit"), "exit");
    }
}
