// Where the nodes of a graph stand: springs along its edges, all nodes pushing each other away. The same graph stands the same.
export type Point = { x: number; y: number };

const STEPS = 220;
const APART = 92;

export function layout(count: number, edges: readonly (readonly [number, number])[]): Point[] {
  // A spiral, so that no two begin in the same place.
  const at = Array.from({ length: count }, (_, n) => {
    const far = APART * 0.7 * Math.sqrt(n);
    return { x: far * Math.cos(n * 2.4), y: far * Math.sin(n * 2.4) };
  });
  for (let step = 0; step < STEPS; step += 1) {
    const most = 40 * (1 - step / STEPS) + 0.5;
    const push = at.map((one) => ({ x: -one.x * 0.02, y: -one.y * 0.03 }));
    for (let i = 0; i < count; i += 1) {
      for (let j = i + 1; j < count; j += 1) {
        const [dx, dy] = [at[i]!.x - at[j]!.x, at[i]!.y - at[j]!.y];
        const far = Math.max(Math.hypot(dx, dy), 1);
        const force = (APART * APART) / (far * far);
        push[i]!.x += dx * force * 0.5;
        push[i]!.y += dy * force * 0.5;
        push[j]!.x -= dx * force * 0.5;
        push[j]!.y -= dy * force * 0.5;
      }
    }
    for (const [i, j] of edges) {
      const [a, b] = [at[i]!, at[j]!];
      const [dx, dy] = [b.x - a.x, b.y - a.y];
      const far = Math.max(Math.hypot(dx, dy), 1);
      const force = ((far - APART) / far) * 0.12;
      push[i]!.x += dx * force;
      push[i]!.y += dy * force;
      push[j]!.x -= dx * force;
      push[j]!.y -= dy * force;
    }
    at.forEach((one, n) => {
      const size = Math.max(Math.hypot(push[n]!.x, push[n]!.y), 0.001);
      one.x += (push[n]!.x / size) * Math.min(size, most);
      one.y += (push[n]!.y / size) * Math.min(size, most);
    });
  }
  return at;
}
