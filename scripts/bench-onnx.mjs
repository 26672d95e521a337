// Times ONNX Runtime on all-MiniLM-L6-v2 (fp32): node scripts/bench-onnx.mjs PREFIX MODEL.onnx
// PREFIX is where onnxruntime-node was installed. One line of JSON for each row, as tests/bench/bench_inference.c prints;
// and for the first session of the process its cold start (creating it, then 1×16 tokens) and what the process grew by.
import { createRequire } from "node:module";
import { resolve } from "node:path";

const usage = "usage: bench-onnx.mjs PREFIX MODEL.onnx";
const [prefix, file] = process.argv.slice(2);
if (process.argv.some((word) => word === "--help" || word === "-h")) {
  console.log(usage);
  process.exit(0);
}
if (!file) {
  console.error(usage);
  process.exit(1);
}
const ort = createRequire(resolve(prefix, "package.json"))("onnxruntime-node");

const shapes = [
  { batch: 1, tokens: 16, budget: 300 },
  { batch: 1, tokens: 128, budget: 600 },
  { batch: 1, tokens: 256, budget: 600 },
  { batch: 32, tokens: 128, budget: 2500 },
];

function feeds({ batch, tokens }) {
  const size = batch * tokens;
  const tensor = (value) => new ort.Tensor("int64", BigInt64Array.from({ length: size }, (_, i) => BigInt(value(i))), [batch, tokens]);
  return {
    input_ids: tensor((i) => 1000 + ((i * 37) % 20000)),
    attention_mask: tensor(() => 1),
    token_type_ids: tensor(() => 0),
  };
}

function row(what, { batch, tokens }, threads, ms) {
  console.log(JSON.stringify({ engine: "onnxruntime fp32", what, batch, tokens, threads, ms: Number(ms.toFixed(3)) }));
}

const before = process.memoryUsage().rss;
for (const threads of [1, 2]) {
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: "all", executionMode: "sequential" };
  const start = performance.now();
  const session = await ort.InferenceSession.create(file, options);
  row("load", { batch: 0, tokens: 0 }, threads, performance.now() - start);
  if (threads === 1) {
    await session.run(feeds(shapes[0]));
    row("cold start", shapes[0], threads, performance.now() - start);
    const kib = process.resourceUsage().maxRSS - Math.round(before / 1024);
    console.log(JSON.stringify({ engine: "onnxruntime fp32", what: "resident", batch: 1, tokens: 16, threads, kib }));
  }
  for (const shape of shapes) {
    const input = feeds(shape);
    let best = Infinity;
    const end = performance.now() + shape.budget;
    for (let i = 0; i < 3 || performance.now() < end; i++) {
      const started = performance.now();
      await session.run(input);
      best = Math.min(best, performance.now() - started);
    }
    row("embed", shape, threads, best);
  }
  await session.release();
}
