// testcontainers by the engine of DOCKER_HOST: node testcontainers.js scenario|leave
'use strict'
const net = require('net')
const { GenericContainer, Network, Wait } = require('testcontainers')

const say = (what, ...rest) => console.log(what, ...rest.map((r) => (typeof r === 'string' ? r : JSON.stringify(r))))
const ask = (host, port) => new Promise((resolve, reject) => {
  let text = ''
  const s = net.connect(port, host)
  s.on('data', (d) => { text += d }); s.on('end', () => resolve(text)); s.on('error', reject)
})
const server = (text) => ['sh', '-c', `echo ready to serve; exec nc -ll -p 8080 -e echo ${text}`]

async function scenario () {
  const network = await new Network().start()
  const one = await new GenericContainer('busybox:latest').withCommand(server('one')).withExposedPorts(8080).withNetwork(network).withNetworkAliases('one')
    .withEnvironment({ SAID: 'yes' }).withLabels({ by: 'testcontainers' }).withCopyContentToContainer([{ content: 'copied in', target: '/tmp/copied' }])
    .withTmpFs({ '/small': 'size=1m' }).withWaitStrategy(Wait.forLogMessage('ready to serve')).start()
  say('one', await ask(one.getHost(), one.getMappedPort(8080)))
  const two = await new GenericContainer('busybox:latest').withCommand(server('two')).withExposedPorts(8080).withNetwork(network)
    .withWaitStrategy(Wait.forListeningPorts()).withStartupTimeout(30000).start()
  say('two', await ask(two.getHost(), two.getMappedPort(8080)))
  say('by name', await two.exec(['sh', '-c', 'nc -w 2 one 8080; exit 3']))
  say('environment', (await one.exec(['sh', '-c', 'echo $SAID; cat /tmp/copied; df -k /small | tail -n 1 | wc -l'])).output)
  await one.copyContentToContainer([{ content: 'later', target: '/tmp/later' }])
  say('later', (await one.exec('cat /tmp/later')).output)
  const healthy = await new GenericContainer('busybox:latest').withCommand(['sh', '-c', 'sleep 1; touch /well; sleep 1000'])
    .withHealthCheck({ test: ['CMD-SHELL', 'test -e /well'], interval: 200, timeout: 1000, retries: 50, startPeriod: 0 }).withWaitStrategy(Wait.forHealthCheck()).start()
  say('healthy', await healthy.exec(['ls', '/well']))
  const commanded = await new GenericContainer('busybox:latest').withCommand(['sleep', '1000']).withWaitStrategy(Wait.forSuccessfulCommand('test -e /bin/busybox')).start()
  const logs = await one.logs()
  say('logs', await new Promise((resolve) => logs.once('data', (l) => resolve(String(l).trim()))))
  logs.destroy()
  await two.restart({ timeout: 0 })
  say('restarted', await ask(two.getHost(), two.getMappedPort(8080)))
  const built = await GenericContainer.fromDockerfile(process.argv[3]).withBuildArgs({ WHAT: 'built' }).build('testcontainers-built:1', { deleteOnExit: false })
  const ran = await built.withWaitStrategy(Wait.forOneShotStartup()).start()
  say('built', (await ran.logs().then((s) => new Promise((resolve) => s.once('data', (l) => resolve(String(l).trim()))))))
  await Promise.all([one, two, healthy, commanded, ran].map((c) => c.stop({ timeout: 0 })))
  await network.stop()
}

// One container that nobody stops: whoever removes it is asked by testcontainers to.
async function leave () {
  const c = await new GenericContainer('busybox:latest').withCommand(['sleep', '1000']).start()
  say('left', c.getId())
  process.exit(0)
}

// its streams of logs hold no process
setInterval(() => {}, 1000);
({ scenario, leave })[process.argv[2]]().then(() => process.exit(0), (e) => { console.error(e); process.exit(1) })
