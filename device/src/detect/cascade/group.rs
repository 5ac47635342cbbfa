//! From boxes that passed the cascade to faces, as OpenCV's `groupRectangles` does it.

use super::USUAL_BOXES;

/// A box in whole pixels of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PixelBox {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

impl PixelBox {
    /// The part inside a picture of `width` x `height` pixels, `None` when there is none.
    pub(super) fn clip(&self, width: u32, height: u32) -> Option<Self> {
        let right = i64::from(self.x + self.width).min(i64::from(width)) as i32;
        let bottom = i64::from(self.y + self.height).min(i64::from(height)) as i32;
        let (x, y) = (self.x.max(0), self.y.max(0));
        (right > x && bottom > y).then_some(Self {
            x,
            y,
            width: right - x,
            height: bottom - y,
        })
    }
}

/// A box with the number of boxes it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub mean: PixelBox,
    pub neighbors: u32,
}

/// How far edges of like boxes lie apart, as a fraction of their size.
const EPS: f64 = 0.2;

/// No class yet.
const UNSEEN: usize = usize::MAX;

/// Groups boxes, keeping its buffers.
#[derive(Debug)]
pub(super) struct Grouper {
    /// The class of each box.
    labels: Vec<usize>,
    /// Boxes of the current class whose neighbours were not looked for yet.
    pending: Vec<usize>,
    /// The sum over each class's boxes and their number.
    sums: Vec<([i32; 4], u32)>,
    means: Vec<Group>,
    groups: Vec<Group>,
}

impl Grouper {
    /// With room for as many boxes as there usually are.
    pub(super) fn new() -> Self {
        Self {
            labels: Vec::with_capacity(USUAL_BOXES),
            pending: Vec::with_capacity(USUAL_BOXES),
            sums: Vec::with_capacity(USUAL_BOXES),
            means: Vec::with_capacity(USUAL_BOXES),
            groups: Vec::with_capacity(USUAL_BOXES),
        }
    }

    /// Joins like boxes and keeps the groups of more than `threshold`; with threshold 0 every box
    /// is a group of its own. In the order of each group's first box.
    pub(super) fn group(&mut self, boxes: &[PixelBox], threshold: u32) -> &[Group] {
        self.groups.clear();
        if threshold == 0 {
            let alone = |&mean: &PixelBox| Group { mean, neighbors: 1 };
            self.groups.extend(boxes.iter().map(alone));
            return &self.groups;
        }
        self.find_means(boxes);
        let means = &self.means;
        let strong = |group: &Group| group.neighbors > threshold;
        let lasting = means.iter().enumerate().filter(|&(index, group)| {
            let swallowed = means.iter().enumerate().any(|(other_index, other)| {
                other_index != index && strong(other) && swallows(other, group)
            });
            strong(group) && !swallowed
        });
        self.groups.extend(lasting.map(|(_, group)| *group));
        &self.groups
    }

    /// The mean box of every class of like boxes.
    fn find_means(&mut self, boxes: &[PixelBox]) {
        let classes = self.partition(boxes);
        self.sums.clear();
        self.sums.resize(classes, ([0; 4], 0));
        for (&label, bx) in self.labels.iter().zip(boxes) {
            let sides = [bx.x, bx.y, bx.width, bx.height];
            let (sums, count) = &mut self.sums[label];
            for (sum, side) in sums.iter_mut().zip(sides) {
                *sum += side;
            }
            *count += 1;
        }
        self.means.clear();
        self.means
            .extend(self.sums.iter().map(|&(sums, neighbors)| {
                // In f32, and by multiplication, as OpenCV has it.
                let scale = 1.0 / neighbors as f32;
                let [x, y, width, height] =
                    sums.map(|side| (side as f32 * scale).round_ties_even() as i32);
                Group {
                    mean: PixelBox {
                        x,
                        y,
                        width,
                        height,
                    },
                    neighbors,
                }
            }));
    }

    /// Finds the class of each box: like boxes and those connected through them share one. Classes
    /// are numbered by their first box; returns how many there are.
    fn partition(&mut self, boxes: &[PixelBox]) -> usize {
        let (labels, pending) = (&mut self.labels, &mut self.pending);
        labels.clear();
        labels.resize(boxes.len(), UNSEEN);
        let mut classes = 0;
        for start in 0..boxes.len() {
            if labels[start] != UNSEEN {
                continue;
            }
            labels[start] = classes;
            pending.push(start);
            while let Some(current) = pending.pop() {
                for other in start + 1..boxes.len() {
                    if labels[other] == UNSEEN && alike(&boxes[current], &boxes[other]) {
                        labels[other] = classes;
                        pending.push(other);
                    }
                }
            }
            classes += 1;
        }
        classes
    }
}

fn alike(a: &PixelBox, b: &PixelBox) -> bool {
    let least = a.width.min(b.width) + a.height.min(b.height);
    let delta = EPS * f64::from(least) * 0.5;
    let close = |a: i32, b: i32| f64::from((a - b).abs()) <= delta;
    close(a.x, b.x)
        && close(a.y, b.y)
        && close(a.x + a.width, b.x + b.width)
        && close(a.y + a.height, b.y + b.height)
}

/// Whether `small` lies inside `large` and has far fewer boxes behind it.
fn swallows(large: &Group, small: &Group) -> bool {
    let (outer, inner) = (&large.mean, &small.mean);
    let dx = (f64::from(outer.width) * EPS).round_ties_even() as i32;
    let dy = (f64::from(outer.height) * EPS).round_ties_even() as i32;
    inner.x >= outer.x - dx
        && inner.y >= outer.y - dy
        && inner.x + inner.width <= outer.x + outer.width + dx
        && inner.y + inner.height <= outer.y + outer.height + dy
        && (large.neighbors > small.neighbors.max(3) || small.neighbors < 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(boxes: &[PixelBox], threshold: u32) -> Vec<Group> {
        Grouper::new().group(boxes, threshold).to_vec()
    }

    fn partition(boxes: &[PixelBox]) -> Vec<usize> {
        let mut grouper = Grouper::new();
        grouper.partition(boxes);
        grouper.labels
    }

    fn square(x: i32, y: i32, side: i32) -> PixelBox {
        PixelBox {
            x,
            y,
            width: side,
            height: side,
        }
    }

    #[test]
    fn like_boxes_become_their_mean() {
        let boxes = [square(10, 10, 50), square(12, 11, 50), square(200, 10, 50)];
        let groups = group(&boxes, 1);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].mean, square(11, 10, 50));
        assert_eq!(groups[0].neighbors, 2);
    }

    #[test]
    fn boxes_connect_through_others() {
        // The first and the last differ by more than 0.2 of their side.
        let boxes = [square(0, 0, 50), square(16, 0, 50), square(8, 0, 50)];
        assert_eq!(partition(&boxes), [0, 0, 0]);
        assert_eq!(partition(&boxes[..2]), [0, 1]);
    }

    #[test]
    fn without_threshold_every_box_stays() {
        let boxes = [square(10, 10, 50); 3];
        let groups = group(&boxes, 0);
        assert_eq!(groups.len(), 3);
        assert!(groups.iter().all(|group| group.neighbors == 1));
    }

    #[test]
    fn a_weak_group_inside_a_strong_one_goes() {
        let mut boxes = vec![square(0, 0, 100); 5];
        boxes.extend([square(30, 30, 40); 2]);
        let groups = group(&boxes, 1);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].neighbors, 5);
    }

    #[test]
    fn boxes_are_clipped_to_the_picture() {
        assert_eq!(square(90, 95, 20).clip(100, 100).unwrap().width, 10);
        assert_eq!(square(90, 95, 20).clip(100, 100).unwrap().height, 5);
        assert_eq!(square(100, 0, 20).clip(100, 100), None);
    }
}
