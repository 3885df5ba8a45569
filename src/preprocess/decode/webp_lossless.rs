//! How many groups of prefix codes a lossless WebP bitstream has (RFC 9649, section 3). The decoder
//! makes the tables of all groups before the first pixel. A group takes 60 bytes of the file and up
//! to 100,000 bytes of memory, and a picture of one pixel may have 65,536 groups.

/// What is known of a bitstream before its groups.
pub(super) struct Groups {
    count: u64,
    /// The entries of the color cache. Each is a symbol of one code.
    cache: u64,
}

/// The alphabets of the five codes of a group, without the color cache.
const ALPHABETS: [usize; 5] = [256 + 24, 256, 256, 256, 40];
/// In which order the lengths of the code of code lengths are stored.
const LENGTHS: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// The longest code.
const MAX_LENGTH: usize = 15;

impl Groups {
    /// Reads a `VP8L` chunk.
    pub(super) fn of_picture(chunk: &[u8]) -> Option<Self> {
        let mut stream = Stream { bytes: chunk, position: 8 };
        let (width, height) = (stream.read(14)? + 1, stream.read(14)? + 1);
        stream.read(4)?;
        stream.groups(width as usize, height as usize)
    }

    /// Reads an `ALPH` chunk, which does not say how large its picture is.
    pub(super) fn of_alpha(chunk: &[u8], (width, height): (u32, u32)) -> Option<Self> {
        let mut stream = Stream { bytes: chunk, position: 8 };
        let is_compressed = chunk.first()? & 3 == 1;
        is_compressed.then(|| stream.groups(width as usize, height as usize))?
    }

    /// The most memory that the decoder takes for the tables: for each code a table of 1,024
    /// entries of 4 bytes, and two nodes of 16 bytes for each symbol with a longer code.
    pub(super) fn bytes(&self) -> u64 {
        let symbols = ALPHABETS.iter().sum::<usize>() as u64 + self.cache;
        self.count * (5 * 4096 + 32 * symbols)
    }
}

/// A bitstream. Its functions give None where it ends or is not valid, as the decoder refuses it.
struct Stream<'a> {
    bytes: &'a [u8],
    /// In bits.
    position: usize,
}

impl Stream<'_> {
    fn read(&mut self, bits: usize) -> Option<u32> {
        let mut value = 0;
        for index in 0..bits {
            let byte = self.bytes.get(self.position / 8)?;
            value |= u32::from(byte >> (self.position % 8) & 1) << index;
            self.position += 1;
        }
        Some(value)
    }

    /// Reads up to the groups of the picture itself.
    fn groups(&mut self, width: usize, height: usize) -> Option<Groups> {
        let mut width = width;
        let mut seen = [false; 4];
        while self.read(1)? == 1 {
            let transform = self.read(2)? as usize;
            if std::mem::replace(&mut seen[transform], true) {
                return None;
            }
            match transform {
                0 | 1 => {
                    let bits = self.read(3)? + 2;
                    self.skip_image(blocks(width, bits), blocks(height, bits))?;
                }
                3 => {
                    let colors = self.read(8)? as usize + 1;
                    self.skip_image(colors, 1)?;
                    width = match colors {
                        1..=2 => blocks(width, 3),
                        3..=4 => blocks(width, 2),
                        5..=16 => blocks(width, 1),
                        _ => width,
                    };
                }
                _ => {}
            }
        }
        let cache = self.color_cache()?;
        let has_many = self.read(1)? == 1;
        let last = match has_many {
            true => {
                let bits = self.read(3)? + 2;
                self.skip_image(blocks(width, bits), blocks(height, bits))?
            }
            false => 0,
        };
        Some(Groups { count: u64::from(last) + 1, cache: cache as u64 })
    }

    /// The number of entries of the color cache.
    fn color_cache(&mut self) -> Option<usize> {
        Some(if self.read(1)? == 1 { 1 << self.read(4)?.min(11) } else { 0 })
    }

    /// Reads a picture of one group. Returns its largest red · 256 + green, which for the picture
    /// of groups is the last group. Copied and cached pixels have been read before.
    fn skip_image(&mut self, width: usize, height: usize) -> Option<u32> {
        let cache = self.color_cache()?;
        let mut codes = ALPHABETS
            .into_iter()
            .enumerate()
            .map(|(index, alphabet)| self.code(alphabet + if index == 0 { cache } else { 0 }));
        let mut next = || codes.next().flatten();
        let (green, red, blue, alpha, distance) = (next()?, next()?, next()?, next()?, next()?);
        let (mut last, mut pixels) = (0, width * height);
        while pixels > 0 {
            let symbol = green.read(self)?;
            let count = match symbol {
                0..256 => {
                    let value = red.read(self)? << 8 | symbol;
                    blue.read(self)?;
                    alpha.read(self)?;
                    last = value.max(last);
                    1
                }
                256..280 => {
                    let length = self.prefixed(symbol - 256)?;
                    let prefix = distance.read(self)?;
                    self.prefixed(prefix)?;
                    length as usize
                }
                _ => 1,
            };
            pixels = pixels.checked_sub(count)?;
        }
        Some(last)
    }

    /// A length or distance whose prefix is `prefix`.
    fn prefixed(&mut self, prefix: u32) -> Option<u32> {
        if prefix < 4 {
            return Some(prefix + 1);
        }
        let extra = (prefix - 2) >> 1;
        Some(((2 + (prefix & 1)) << extra) + self.read(extra as usize)? + 1)
    }

    fn code(&mut self, alphabet: usize) -> Option<Code> {
        if self.read(1)? == 1 {
            let has_two = self.read(1)? == 1;
            let bits = if self.read(1)? == 1 { 8 } else { 1 };
            let mut symbols = vec![self.read(bits)?];
            if has_two {
                symbols.push(self.read(8)?);
            }
            return Some(Code { counts: counts([1].repeat(symbols.len())), symbols });
        }
        let mut lengths = [0; LENGTHS.len()];
        let stored = 4 + self.read(4)? as usize;
        for &place in LENGTHS.get(..stored)? {
            lengths[place] = self.read(3)? as usize;
        }
        let lengths = self.code_lengths(&Code::of_lengths(&lengths)?, alphabet)?;
        Code::of_lengths(&lengths)
    }

    fn code_lengths(&mut self, code: &Code, alphabet: usize) -> Option<Vec<usize>> {
        let mut left = alphabet;
        if self.read(1)? == 1 {
            let bits = 2 + 2 * self.read(3)? as usize;
            left = 2 + self.read(bits)? as usize;
        }
        let (mut lengths, mut previous) = (Vec::with_capacity(alphabet), 8);
        while lengths.len() < alphabet && left > 0 {
            left -= 1;
            let symbol = code.read(self)? as usize;
            let (length, repeat) = match symbol {
                16 => (previous, 3 + self.read(2)?),
                17 => (0, 3 + self.read(3)?),
                18 => (0, 11 + self.read(7)?),
                length => (length, 1),
            };
            if length != 0 {
                previous = length;
            }
            lengths.extend(std::iter::repeat_n(length, repeat as usize));
        }
        (lengths.len() <= alphabet).then_some(lengths)
    }
}

/// A canonical prefix code.
struct Code {
    /// How many symbols have a code of each length.
    counts: [u32; MAX_LENGTH + 1],
    /// The symbols, those of short codes first.
    symbols: Vec<u32>,
}

impl Code {
    fn of_lengths(lengths: &[usize]) -> Option<Self> {
        let mut used: Vec<usize> = (0..lengths.len()).filter(|&it| lengths[it] > 0).collect();
        used.sort_by_key(|&symbol| lengths[symbol]);
        let counts = counts(used.iter().map(|&symbol| lengths[symbol]));
        let symbols: Vec<u32> = used.into_iter().map(|symbol| symbol as u32).collect();
        (!symbols.is_empty()).then_some(Self { counts, symbols })
    }

    /// The next symbol. A code of one symbol takes no bits.
    fn read(&self, stream: &mut Stream) -> Option<u32> {
        if let [only] = self.symbols.as_slice() {
            return Some(*only);
        }
        let (mut code, mut first, mut index) = (0, 0, 0);
        for &count in &self.counts[1..] {
            code |= stream.read(1)?;
            if code < first + count {
                return self.symbols.get((index + code - first) as usize).copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

fn counts(lengths: impl IntoIterator<Item = usize>) -> [u32; MAX_LENGTH + 1] {
    let mut counts = [0; MAX_LENGTH + 1];
    lengths.into_iter().for_each(|length| counts[length.min(MAX_LENGTH)] += 1);
    counts
}

/// The blocks of 2^`bits` elements that cover `extent`.
fn blocks(extent: usize, bits: u32) -> usize {
    extent.div_ceil(1 << bits)
}
