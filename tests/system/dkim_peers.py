# SPDX-License-Identifier: BSD-2-Clause
"""Random messages, signed and sealed by us, verified by dkimpy, Mail::DKIM and ourselves; and signed by dkimpy, verified by us."""
import os
import random
import re
import subprocess
import sys
import time

import dkim

SIGNTOOL, PERL, DIR, COUNT = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
NOW = '1790000000'
HOPS = ['one.example', 'two.example', 'three.example']
RESULTS = 'spf=pass (a comment; with "quotes") smtp.mailfrom=ann@a.example; dkim=pass header.d=a.example header.s=s; dmarc=pass header.from=a.example'
zone = {}


def run(args, lines):
    done = subprocess.run(args, input='\n'.join(lines) + '\n', stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def make_key(domain, selector, algorithm):
    line = run([SIGNTOOL, 'make', DIR + '/keys', domain, selector, algorithm], [])[0]
    zone[line.split()[0].rstrip('.')] = ''.join(re.findall('"([^"]*)"', line))
    with open(DIR + '/zone', 'a') as f:
        f.write(line + '\n')


def dns(name, timeout=5):
    value = zone.get(name.decode().rstrip('.').lower())
    return value.encode() if value is not None else None


def words(rng, count):
    alphabet = ['a', 'word', 'Z9', 'x' * 60, 'd\xc3\xa4', '=', ';', '<>', '"q q"', '(c)', '.', '..', 'From ', '-- ', '\xff\xfe']
    return [rng.choice(alphabet) for _ in range(count)]


def text(rng, blanks):
    out = ''
    for word in words(rng, rng.randrange(0, 12)):
        out += word + rng.choice(blanks)
    return out


def field(rng, name):
    value = text(rng, [' ', '  ', '\t', ' \t ', '\n ', '\n\t', ' \n  ', '\n \n \t'])
    value = re.sub(r'(\n[ \t]+)+$', '', value)
    value = re.sub(r'\n([ \t]*\n)+', '\n', value)  # a folded line of blanks only is read differently by parsers
    return rng.choice([name, name.lower(), name.upper()]) + rng.choice([': ', ':', ':  ', ':\t']) + value


def body(rng):
    kind = rng.randrange(8)
    if kind == 0:
        return None
    if kind == 1:
        return ''
    if kind == 2:
        return '\n' * rng.randrange(1, 5)
    lines = [text(rng, [' ', '  ', '\t', ' \t', '']) for _ in range(rng.randrange(1, 20))]
    end = rng.choice(['', '\n', '\n\n\n', ' \n', ' \n \n\t\n'])
    if end == '':
        lines[-1] = lines[-1].rstrip()  # blanks without a line end behind them: cannot pass SMTP, and dkimpy keeps them
    return '\n'.join(lines) + end


def message(rng):
    names = ['To', 'Cc', 'Subject', 'Date', 'Message-ID', 'Reply-To', 'Received', 'List-Id', 'List-Unsubscribe', 'X-Own', 'Content-Type', 'References',
             'MIME-Version', 'X-Own', 'Received', 'To', 'Sender']
    fields = [field(rng, name) for name in rng.sample(names, rng.randrange(2, len(names)))]
    fields.insert(rng.randrange(len(fields) + 1), 'From: Ann <ann@a.example>' + rng.choice(['', ' ', '\n (x)']))
    head = '\n'.join(fields) + '\n'
    content = body(rng)
    whole = head if content is None else head + '\n' + content
    return whole.replace('\n', rng.choice(['\n', '\r\n'])).encode('latin-1')


def path(kind, i):
    return '%s/%s-%03d' % (DIR, kind, i)


def read(name):
    with open(name, 'rb') as f:
        return f.read()


def expect(what, name, got, want):
    if got != want:
        sys.exit('%s: %s says %r, not %r\n%r' % (name, what, got, want, read(name)))


def dkimpy_verdict(name, index):
    try:
        return dkim.DKIM(read(name)).verify(idx=index, dnsfunc=dns)
    except dkim.DKIMException as reason:
        return str(reason)


def signatures_in_peers():
    names = [path('signed', i) for i in range(COUNT)]
    run([SIGNTOOL, 'sign', DIR + '/keys', 'lists.example', NOW], ['%s %s' % (path('in', i), names[i]) for i in range(COUNT)])
    for name in names:
        for index in range(2):
            expect('dkimpy, signature %d' % index, name, dkimpy_verdict(name, index), True)
    for line in run(['perl', PERL, DIR + '/zone.tab', 'dkim'], names):
        expect('Mail::DKIM', line.split()[0], line.split()[1], 'pass')
    for line in run([SIGNTOOL, 'verify', NOW, DIR + '/zone'], names):
        expect('listd', line.split()[0], line.split()[1:], ['dkim=pass,pass', 'arc=none'])


def changed_messages_fail():
    names = [path('changed', i) for i in range(COUNT)]
    for i in range(COUNT):
        with open(names[i], 'wb') as f:
            f.write(read(path('signed', i)).replace(b'ann@a.example', b'eve@a.example'))
    for line in run([SIGNTOOL, 'verify', NOW, DIR + '/zone'], names):
        expect('listd', line.split()[0], line.split()[1:], ['dkim=fail,fail', 'arc=none'])


def chains_in_peers():
    for hop, domain in enumerate(HOPS):
        before = 'signed' if hop == 0 else 'hop%d' % hop
        names = [path('hop%d' % (hop + 1), i) for i in range(COUNT)]
        run([SIGNTOOL, 'seal', DIR + '/keys', domain, NOW, DIR + '/zone', RESULTS], ['%s %s' % (path(before, i), names[i]) for i in range(COUNT)])
        for name in names:
            cv, sets, reason = dkim.arc_verify(read(name), dnsfunc=dns)
            expect('dkimpy (%s)' % reason, name, (cv, len(sets)), (b'pass', hop + 1))
        for line in run(['perl', PERL, DIR + '/zone.tab', 'arc'], names):
            expect('Mail::DKIM', line.split()[0], line.split()[1], 'pass')
        for line in run([SIGNTOOL, 'verify', NOW, DIR + '/zone'], names):
            expect('listd', line.split()[0], line.split()[1:], ['dkim=pass,pass', 'arc=pass'])


def peers_signatures_here():
    names, count = [], 0
    pem = read(DIR + '/keys/lists.example/r.pem')
    for i in range(COUNT):
        text_in = read(path('in', i))
        canon = [(h, b) for h in (b'simple', b'relaxed') for b in (b'simple', b'relaxed')][i % 4]
        end = b'\r\n' if b'\r\n' in text_in else b'\n'
        names.append(path('peer', i))
        with open(names[-1], 'wb') as f:
            f.write(dkim.sign(text_in, b'r', b'lists.example', pem, canonicalize=canon, include_headers=[b'from', b'to', b'subject', b'x-own', b'list-id'], linesep=end) + text_in)
    for line in run([SIGNTOOL, 'verify', str(int(time.time())), DIR + '/zone'], names):
        # dkimpy is the judge of its own signatures: it takes a blank before the colon and the like for what it wants
        if dkim.verify(read(line.split()[0]), dnsfunc=dns):
            expect('listd', line.split()[0], line.split()[1:], ['dkim=pass', 'arc=none'])
            count += 1
    if count < COUNT * 9 // 10:
        sys.exit('only %d of %d signatures of dkimpy were good' % (count, COUNT))


def main():
    rng = random.Random(20260101)
    make_key('lists.example', 'r', 'rsa')
    make_key('lists.example', 'e', 'ed25519')
    for domain in HOPS:
        make_key(domain, 's', 'rsa')
    with open(DIR + '/zone.tab', 'w') as f:
        f.writelines('%s\t%s\n' % item for item in zone.items())
    for i in range(COUNT):
        with open(path('in', i), 'wb') as f:
            f.write(message(rng))
    signatures_in_peers()
    changed_messages_fail()
    chains_in_peers()
    peers_signatures_here()
    print('%d messages: signatures and chains of 1 to %d hops agree' % (COUNT, len(HOPS)))


os.makedirs(DIR + '/keys', mode=0o700)
main()
