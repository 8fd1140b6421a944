// dockerode does a day's work by the engine of DOCKER_HOST and tells what it saw: node dockerode.js FOLDER
'use strict'
const { execFileSync } = require('child_process')
const { PassThrough } = require('stream')
const fs = require('fs')
const path = require('path')
const Docker = require('dockerode')

const docker = new Docker({ socketPath: process.env.DOCKER_HOST.replace('unix://', '') })
const work = process.argv[2]
const sorted = (key, v) => (v && v.constructor === Object ? Object.fromEntries(Object.entries(v).sort()) : v)
const say = (what, ...rest) => console.log(what, ...rest.map((r) => (typeof r === 'string' ? r : JSON.stringify(r, sorted))))

function collect (stream) {
  const chunks = []
  stream.on('data', (c) => chunks.push(c))
  return new Promise((resolve, reject) => {
    stream.on('end', () => resolve(Buffer.concat(chunks)))
    stream.on('close', () => resolve(Buffer.concat(chunks)))
    stream.on('error', reject)
  })
}

// Both streams of a framed one.
async function demux (stream) {
  const out = new PassThrough(); const err = new PassThrough()
  const both = [collect(out), collect(err)]
  docker.modem.demuxStream(stream, out, err)
  await new Promise((resolve) => { stream.on('end', resolve); stream.on('close', resolve) })
  out.end(); err.end()
  return (await Promise.all(both)).map(String)
}

const progress = (stream) => new Promise((resolve, reject) => docker.modem.followProgress(stream, (e, all) => (e ? reject(e) : resolve(all))))

async function refused (what, promise) {
  try { await promise; say(what, 'was not refused') } catch (e) { say(what, String(e.statusCode)) }
}

async function life () {
  const c = await docker.createContainer({ Image: 'busybox', name: 'dode', Cmd: ['sh', '-c', 'read x; echo got $x; echo bad >&2; exit 4'], OpenStdin: true, StdinOnce: true, Labels: { by: 'dockerode' } })
  const stream = await c.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true })
  const waiting = c.wait({ condition: 'next-exit' })
  const seen = demux(stream)
  await c.start()
  stream.write('a word\n')
  stream.end()
  say('attached', await seen)
  say('waited', await waiting)
  say('logs', (await c.logs({ stdout: true, follow: false })).subarray(8).toString())
  say('state', (await c.inspect()).State.ExitCode)
  say('listed', (await docker.listContainers({ all: true, filters: { label: ['by=dockerode'] } })).map((x) => [x.Names, x.Image, x.State, x.Labels]))
  await refused('the same name', docker.createContainer({ Image: 'busybox', name: 'dode', Cmd: ['true'] }))
  await refused('no such image', docker.createContainer({ Image: 'no-such', Cmd: ['true'] }))
  await c.remove()
  await refused('no such container', c.inspect())
  const sink = new PassThrough(); const text = collect(sink) // the stream's end is the sink's: the answer to `wait` may come before the last of it
  const [result, ran] = await docker.run('busybox', ['sh', '-c', 'echo run; exit 2'], sink, { Tty: true, HostConfig: { AutoRemove: false } })
  say('run', result, String(await text))
  await ran.remove()
}

async function exec () {
  const c = await docker.createContainer({ Image: 'busybox', name: 'dexec', Cmd: ['sleep', '1000'], HostConfig: { Memory: 64 << 20, NanoCpus: 5e8, Binds: [`${work}:/work`] }, StopTimeout: 0 })
  await c.start()
  for (const [cmd, tty] of [[['sh', '-c', 'echo out; echo err >&2; exit 3'], false], [['sh', '-c', 'test -t 1 && echo tty'], true], [['cat'], false]]) {
    const x = await c.exec({ Cmd: cmd, AttachStdin: cmd[0] === 'cat', AttachStdout: true, AttachStderr: true, Tty: tty, Env: ['A=1'], WorkingDir: '/tmp' })
    const stream = await x.start({ hijack: true, stdin: cmd[0] === 'cat', Tty: tty })
    const seen = tty ? collect(stream) : demux(stream)
    if (cmd[0] === 'cat') { stream.write('typed'); stream.end() }
    const got = await seen
    say('exec', tty ? String(got) : got, (await x.inspect()).ExitCode)
  }
  fs.mkdirSync(path.join(work, 'in'), { recursive: true })
  fs.writeFileSync(path.join(work, 'in', 'file'), 'put here')
  await c.putArchive(execFileSync('tar', ['-C', path.join(work, 'in'), '-c', 'file']), { path: '/tmp' })
  const tar = await collect(await c.getArchive({ path: '/tmp/file' }))
  say('archive', execFileSync('tar', ['-xO'], { input: tar }).toString())
  const stat = await c.infoArchive({ path: '/tmp/file' })
  const s = JSON.parse(Buffer.from(stat.headers['x-docker-container-path-stat'], 'base64').toString())
  say('stat', s.name, s.size)
  say('changes', (await c.changes()).filter((x) => x.Path === '/tmp/file'))
  const stats = await c.stats({ stream: false })
  say('stats', stats.memory_stats.limit, stats.pids_stats.current, Object.keys(stats.networks))
  say('top', (await c.top()).Processes.length)
  await c.pause(); say('paused', (await c.inspect()).State.Paused); await c.unpause()
  await c.update({ Memory: 80 << 20, MemorySwap: 160 << 20 }); say('updated', (await c.inspect()).HostConfig.Memory)
  await c.rename({ name: 'drenamed' }); say('renamed', (await c.inspect()).Name)
  await c.restart({ t: 0 }); say('restarted', (await c.inspect()).State.Running)
  await c.kill({ signal: 'SIGKILL' }); say('killed', await c.wait())
  const image = await c.commit({ repo: 'dode', tag: 'made', comment: 'why', changes: 'ENV MADE=1' })
  say('committed', Object.keys(image), (await docker.getImage('dode:made').inspect()).Config.Env.filter((e) => e.startsWith('MADE')))
  await c.remove({ force: true, v: true })
  await docker.getImage('dode:made').remove()
}

async function build () {
  const folder = path.join(work, 'build')
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'Dockerfile'), 'FROM busybox\nARG X\nCOPY file /file\nRUN echo "$X" >>/file\nCMD ["cat", "/file"]\n')
  fs.writeFileSync(path.join(folder, 'file'), 'copied\n')
  const said = await progress(await docker.buildImage({ context: folder, src: ['Dockerfile', 'file'] }, { t: 'dode:built', buildargs: { X: 'said' } }))
  say('built', said.map((l) => (l.stream || '').trim()).filter((l) => /^(Step|Successfully tagged)/.test(l)), said.some((l) => l.aux && /^sha256:/.test(l.aux.ID)))
  const sink = new PassThrough(); const text = collect(sink)
  const [, c] = await docker.run('dode:built', [], sink, { Tty: true })
  say('ran', String(await text))
  await c.remove()
  fs.writeFileSync(path.join(folder, 'Dockerfile'), 'FROM busybox\nRUN exit 6\n')
  const bad = await progress(await docker.buildImage({ context: folder, src: ['Dockerfile'] }, {})).catch((e) => [{ error: e.message }])
  say('failed', bad.map((l) => l.error || '').join(''))
  const image = docker.getImage('dode:built')
  await image.tag({ repo: 'dode', tag: 'again' })
  const saved = await collect(await docker.getImage('dode:again').get())
  say('saved', execFileSync('tar', ['-t'], { input: saved }).toString().includes('manifest.json'))
  await image.remove()
  await docker.getImage('dode:again').remove()
  await refused('removed', docker.getImage('dode:again').inspect())
  say('loaded', (await progress(await docker.loadImage(require('stream').Readable.from([saved])))).some((l) => /Loaded image: dode:again/.test(l.stream || '')))
  say('history', (await docker.getImage('dode:again').history()).map((h) => h.Tags))
  say('images', (await docker.listImages({ filters: { reference: ['dode'] } })).map((i) => i.RepoTags))
  await docker.getImage('dode:again').remove()
}

async function places () {
  const net = await docker.createNetwork({ Name: 'dnet', Driver: 'bridge', Labels: { by: 'dockerode' }, IPAM: { Config: [{ Subnet: '10.207.1.0/24' }] } })
  const volume = await docker.createVolume({ Name: 'dvol', Labels: { by: 'dockerode' } })
  say('volume', volume.name || volume.Name, (await docker.getVolume('dvol').inspect()).Driver)
  const a = await docker.createContainer({ Image: 'busybox', name: 'da', Cmd: ['nc', '-ll', '-p', '80', '-e', 'echo', 'I am a'], ExposedPorts: { '80/tcp': {} }, StopTimeout: 0, HostConfig: { NetworkMode: 'dnet', PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] }, Mounts: [{ Type: 'volume', Source: 'dvol', Target: '/v' }] } })
  await a.start()
  const port = (await a.inspect()).NetworkSettings.Ports['80/tcp'][0]
  say('published', port.HostIp, Number(port.HostPort) > 1024)
  const b = await docker.createContainer({ Image: 'busybox', name: 'db', Cmd: ['sh', '-c', 'for i in 1 2 3 4 5; do nc -w 2 da 80 && exit; sleep 0.2; done; exit 1'] })
  await net.connect({ Container: b.id, EndpointConfig: { Aliases: ['bee'] } })
  await b.start()
  say('by name', (await b.wait()).StatusCode, (await b.logs({ stdout: true })).subarray(8).toString())
  say('members', Object.values((await net.inspect()).Containers).map((x) => x.Name))
  await refused('in use', net.remove())
  await net.disconnect({ Container: 'da', Force: true })
  await a.remove({ force: true, v: true }); await b.remove()
  await net.remove(); await docker.getVolume('dvol').remove()
  say('networks', (await docker.listNetworks({ filters: { label: ['by=dockerode'] } })).length, (await docker.listVolumes({ filters: { label: ['by=dockerode'] } })).Volumes || [])
}

async function events () {
  const stream = await docker.getEvents({ filters: { label: ['watched=1'] } })
  const actions = []
  const all = new Promise((resolve) => {
    stream.on('data', (d) => String(d).trim().split('\n').forEach((line) => { const ev = JSON.parse(line); actions.push(ev.Action); if (ev.Action === 'destroy') resolve() }))
  })
  const c = await docker.createContainer({ Image: 'busybox', Cmd: ['true'], Labels: { watched: '1' } })
  await c.start(); await c.wait(); await c.remove()
  await all
  stream.destroy()
  say('events', actions.filter((x) => x !== 'attach'))
  say('ping', String(await docker.ping()))
  say('version', Object.keys(await docker.version()).includes('ApiVersion'), (await docker.info()).OSType)
  say('pruned', Object.keys(await docker.pruneContainers({ filters: { label: ['none'] } })).sort())
  await refused('auth', docker.checkAuth({ username: 'a', password: 'b', serveraddress: 'http://127.0.0.1:1/v1/' }))
}

(async () => {
  for (const part of [life, exec, build, places, events]) { say('== ' + part.name); await part() }
  process.exit(0) // what is still open is the client's
})().catch((e) => { console.error(e); process.exit(1) })
