//! HEP agents: each is a capture point, beside those where packets were captured.

use std::borrow::Cow;

use hashbrown::HashMap;

use crate::net::Agent;

/// Longest name believed of an agent (bytes).
const MAX_NAME: usize = 64;
/// The numbers of agents begin here; below are those of the capture points of files.
pub const FIRST: u16 = 1 << 15;

/// The agents of a scan, in the order in which they first reported.
#[derive(Debug, Default)]
pub struct Agents {
    names: Vec<String>,
    numbers: HashMap<String, u16>,
}

impl Agents {
    /// The number of an agent as a capture point; `Err` gives the number of all beyond `max`, which have one together, and
    /// says whether this is the first of them.
    pub fn number(&mut self, agent: Agent<'_>, max: u16) -> Result<u16, (u16, bool)> {
        let name = name(agent);
        if let Some(&number) = self.numbers.get(&*name) {
            return Ok(number);
        }
        let max = max.min(u16::MAX - FIRST);
        let count = self.names.len() as u16;
        if count > max {
            return Err((FIRST + max, false));
        }
        if count == max {
            self.names.push("hep".to_owned());
            return Err((FIRST + max, true));
        }
        self.names.push(name.clone().into_owned());
        self.numbers.insert(name.into_owned(), FIRST + count);
        Ok(FIRST + count)
    }

    /// Their names so far, for [`Agents::restore`].
    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn restore(&mut self, names: Vec<String>) {
        for (number, name) in (FIRST..).zip(names) {
            self.numbers.insert(name.clone(), number);
            self.names.push(name);
        }
    }

    pub fn into_names(self) -> Vec<String> {
        self.names
    }
}

fn name(agent: Agent<'_>) -> Cow<'_, str> {
    match agent {
        Agent::Name(name) => String::from_utf8_lossy(name.get(..MAX_NAME).unwrap_or(name)),
        Agent::Id(id) => format!("hep:{id}").into(),
        Agent::Address(address) => format!("hep:{address}").into(),
    }
}

/// The names of all capture points by their numbers.
#[derive(Debug, Default)]
pub struct PointNames {
    pub files: Vec<String>,
    pub agents: Vec<String>,
}

impl PointNames {
    pub fn get(&self, point: u16) -> Option<&str> {
        let name = match point.checked_sub(FIRST) {
            Some(agent) => self.agents.get(usize::from(agent)),
            None => self.files.get(usize::from(point)),
        };
        name.map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_agent_has_a_number_up_to_the_limit() {
        let mut agents = Agents::default();
        assert_eq!(agents.number(Agent::Id(7), 2), Ok(FIRST));
        assert_eq!(agents.number(Agent::Name(b"sbc"), 2), Ok(FIRST + 1));
        assert_eq!(agents.number(Agent::Id(7), 2), Ok(FIRST));
        assert_eq!(agents.number(Agent::Id(8), 2), Err((FIRST + 2, true)));
        assert_eq!(agents.number(Agent::Id(9), 2), Err((FIRST + 2, false)));
        assert_eq!(agents.into_names(), ["hep:7", "sbc", "hep"]);
    }
}
