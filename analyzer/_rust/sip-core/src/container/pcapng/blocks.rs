//! What a block says of itself: its type and lengths, the fields of a packet, options.

use crate::container::state::State;

/// Block type of a section header; the same in both byte orders.
pub const SECTION_HEADER: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;

pub const INTERFACE_DESCRIPTION: u32 = 1;
/// Obsolete.
pub const PACKET: u32 = 2;
pub const SIMPLE_PACKET: u32 = 3;
pub const NAME_RESOLUTION: u32 = 4;
pub const INTERFACE_STATISTICS: u32 = 5;
pub const ENHANCED_PACKET: u32 = 6;
pub const SYSTEMD_JOURNAL: u32 = 9;
pub const DECRYPTION_SECRETS: u32 = 10;
/// The secrets type of a decryption secrets block that holds an NSS key log.
pub const TLS_KEY_LOG: u32 = 0x544C_534B;
pub const CUSTOM: u32 = 0x0000_0BAD;
pub const CUSTOM_NOT_COPIED: u32 = 0x4000_0BAD;
pub const SECTION: u32 = u32::from_be_bytes(SECTION_HEADER);

/// Type, length, and the length again.
pub const BLOCK_FRAME_BYTES: usize = 12;
/// A section header without options.
const SECTION_BYTES: usize = 28;

/// Integers in a section's byte order.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    big_endian: bool,
}

impl Order {
    #[inline]
    pub fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    #[inline]
    pub fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    #[inline]
    pub fn u64(self, bytes: [u8; 8]) -> u64 {
        if self.big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) }
    }

    #[inline]
    pub fn u32_at(self, bytes: &[u8], at: usize) -> Option<u32> {
        bytes.get(at..)?.first_chunk().map(|field| self.u32(*field))
    }

    #[inline]
    pub fn u16_at(self, bytes: &[u8], at: usize) -> Option<u16> {
        bytes.get(at..)?.first_chunk().map(|field| self.u16(*field))
    }

    /// The byte order of the section whose header begins here.
    pub fn of_section(header: &[u8; BLOCK_FRAME_BYTES]) -> Option<Order> {
        let magic = *header.last_chunk()?;
        [true, false]
            .map(|big_endian| Order { big_endian })
            .into_iter()
            .find(|order| order.u32(magic) == BYTE_ORDER_MAGIC)
    }
}

/// Options (§3.5): code, length, value padded to 32 bits; the end mark may be missing.
pub struct Options<'a> {
    pub rest: &'a [u8],
    pub order: Order,
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let code = self.order.u16_at(self.rest, 0).filter(|code| *code != 0)?;
        let len = usize::from(self.order.u16_at(self.rest, 2)?);
        let value = self.rest.get(4..4 + len)?;
        self.rest = self.rest.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}

/// Type and length of a block.
#[derive(Debug, Clone, Copy)]
pub struct BlockHead {
    pub kind: u32,
    pub len: usize,
    pub order: Order,
}

impl BlockHead {
    /// A section header brings its own byte order, any other block has that of its section.
    #[inline]
    pub fn parse(start: &[u8; BLOCK_FRAME_BYTES], order: Order) -> Option<BlockHead> {
        let order = if start.starts_with(&SECTION_HEADER) { Order::of_section(start)? } else { order };
        Some(BlockHead { kind: order.u32_at(start, 0)?, len: order.u32_at(start, 4)? as usize, order })
    }

    #[inline]
    pub fn believable(self, state: &State) -> bool {
        let shortest = if self.kind == SECTION { SECTION_BYTES } else { BLOCK_FRAME_BYTES };
        self.len >= shortest && self.len.is_multiple_of(4) && self.len <= state.max_block_bytes as usize
    }

    pub fn is_known(self) -> bool {
        matches!(
            self.kind,
            SECTION | INTERFACE_DESCRIPTION
                ..=ENHANCED_PACKET | SYSTEMD_JOURNAL | DECRYPTION_SECRETS | CUSTOM | CUSTOM_NOT_COPIED
        )
    }
}

/// A packet as its block states it, before the interface is looked up.
pub struct Stated {
    pub interface: u32,
    /// `None`: a simple packet, which has no time.
    pub stamp: Option<u64>,
    /// `None`: a simple packet, which does not say.
    pub captured: Option<u32>,
    pub original: u32,
    pub dropped: Option<u64>,
    /// Where the data begin in the block's body.
    pub data_at: usize,
}

impl Stated {
    #[inline]
    pub fn parse(kind: u32, body: &[u8], order: Order) -> Option<Stated> {
        if kind == SIMPLE_PACKET {
            let original = order.u32_at(body, 0)?;
            return Some(Stated { interface: 0, stamp: None, captured: None, original, dropped: None, data_at: 4 });
        }
        let (fields, _) = body.first_chunk::<20>()?.as_chunks::<4>();
        let &[first, high, low, captured, original] = fields else { return None };
        let (interface, dropped) = if kind == ENHANCED_PACKET {
            (order.u32(first), None)
        } else {
            let [a, b, c, d] = first;
            // All ones: the writer did not know.
            let dropped = Some(order.u16([c, d])).filter(|dropped| *dropped != u16::MAX);
            (u32::from(order.u16([a, b])), dropped.map(u64::from))
        };
        Some(Stated {
            interface,
            stamp: Some(u64::from(order.u32(high)) << 32 | u64::from(order.u32(low))),
            captured: Some(order.u32(captured)),
            original: order.u32(original),
            dropped,
            data_at: 20,
        })
    }
}
