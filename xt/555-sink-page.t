# The page of mailwire sink, in Chromium: seen, clicked, typed into; and given HTML that would run, load and lead away.
# With a folder in MW_PICTURES its looks are put there.

use strict;
use warnings;

use lib qw(xt/lib t/lib);
use CommandTest;
use File::Temp ();
use IO::Select ();
use IO::Socket::INET ();
use Mail::Wire ();
use RealServer;
use Test::More;

BEGIN { $ENV{MOJO_REACTOR} = 'Mojo::Reactor::Poll' }
RealServer->need(qw(chromium Mojo::UserAgent Email::MIME));
require Browser;

my $folder = File::Temp->newdir;
my $pid = start({ stdout => "$folder/out", env => { PATH => $ENV{PATH} } }, qw(sink --lmtp --qmtp --web -q --keep 500));
wait_for(sub { -e "$folder/out" && read_file("$folder/out") =~ /^http/m }) or die errors($pid);
my ($lmtp, $qmtp, $web) = split /\n/, read_file("$folder/out");
my $browser = Browser->new;

sub sent {
    my ($url, $subject, $text, @to) = @_;
    my $client = Mail::Wire->connect($url) or die $@;
    my $mail = "From: Ann Example <ann\@example.org>\nTo: Ben <ben\@example.net>\nSubject: $subject\n$text";
    return join ' ', map { $_->status } $client->deliver(From => 'ann@example.org', To => [ @to ? @to : 'ben@example.net' ], Data => $mail);
}

sub picture {
    my ($name) = @_;
    write_file("$ENV{MW_PICTURES}/$name.png", $browser->picture) if $ENV{MW_PICTURES};
    return;
}

sub shows { my ($id, $text) = @_; return $browser->until("document.getElementById('$id').textContent.includes('$text')") }
sub click { my ($id) = @_; return $browser->js("document.getElementById('$id').click()") }
sub tab   { my ($name) = @_; return $browser->js("[...document.querySelectorAll('#tabs button')].find(it => it.textContent === '$name').click()") }
sub pick  { my ($subject) = @_;
    return $browser->js("[...document.querySelectorAll('#messages li')].find(it => it.textContent.includes('$subject')).click()") }

# ---------------------------------------------------------------- list, rules, message

$browser->size(1280, 800);
$browser->visit($web);
ok(shows('empty', $lmtp), 'an empty sink says where to send to');
ok($browser->until(q(document.getElementById('live').className === 'on')), 'it is connected');
sent($lmtp, 'Welcome', "\nHello.\n");
ok(shows('messages', 'Welcome'), 'a message is there as it comes');

click('rules-button');
ok($browser->until(q(document.getElementById('rules').open)), 'the rules');
my $set = q(document.getElementById('rules-text').value = '%s'; document.getElementById('rules-save').click());
$browser->js(sprintf $set, 'rcpt nobody@example.net 55');
ok(shows('rules-error', 'line 1: '), '... a wrong one is told');
$browser->js(sprintf $set, 'rcpt nobody@example.net 550 5.1.1 No such user\nfinal full@example.net 452 4.2.2 Mailbox full');
ok($browser->until(q(!document.getElementById('rules').open)), '... right ones are taken');
is(sent($lmtp, 'Your invoice for May', "\nHello.\n", map {"$_\@example.net"} qw(ben nobody full)), 'success failure deferral', '... and hold');
is(sent($qmtp, 'By the other protocol', "\nHello.\n", map {"$_\@example.net"} qw(ben nobody full)), 'success failure deferral', '... for both');

ok(shows('messages', 'Your invoice for May'), 'it is in the list');
pick('Your invoice');
ok(shows('verdicts', 'nobody@example.net'), 'its recipients');
is($browser->js(q([...document.querySelectorAll('#verdicts .status')].map(it => it.textContent).join(' '))), 'success failure deferral',
    '... each verdict');
ok(shows('verdicts', '550 5.1.1 No such user'), '... as it was said');
tab('Source');
ok(shows('content', 'Subject: Your invoice for May'), 'its source');
$browser->key('j');
ok(shows('subject', 'Welcome'), 'a key goes to the next');
is(join('; ', $browser->complaints), '', 'no script has failed');

# ---------------------------------------------------------------- hostile HTML

# It counts whoever connects, and answers nobody.
my $trap = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "listen: $!";
my $evil = 'http://127.0.0.1:' . $trap->sockport;

sub visitors {
    my $count = 0;
    while (IO::Select->new($trap)->can_read(0.2)) { my $peer = $trap->accept; $count++ }
    return $count;
}

my $html = <<"HTML";
<html><head><base href="$evil/"><meta http-equiv="refresh" content="0;url=$evil/refresh"><link rel="stylesheet" href="$evil/css">
<link rel=preconnect href="$evil"><LINK REL=dns-prefetch HREF="$evil"><link rel=preload as=image href="$evil/p"><link rel=icon href="$evil/i">

<style>\@import url($evil/import); body { background: url($evil/background) }
\@font-face { font-family: x; src: url($evil/font) } p { font-family: x }</style>
<script>top.postMessage('ran', '*'); fetch('$evil/fetch')</script><script src="$evil/js"></script></head>
<body onload="fetch('$evil/onload')" background="$evil/body"><p id=seen>Dear customer</p><img src="$evil/img" onerror="fetch('$evil/onerror')">
<img src="/relative"><img srcset="$evil/srcset 1x"><picture><source srcset="$evil/source"><img></picture><iframe src="$evil/iframe"></iframe>

<object data="$evil/object"></object><embed src="$evil/embed">
<video src="$evil/video" autoplay poster="$evil/poster"></video><audio src="$evil/audio"></audio>
<svg onload="fetch('$evil/svg')"><image href="$evil/image"/><use href="$evil/use#x"/><script>fetch('$evil/inside')</script></svg>
<input type=image src="$evil/input"><form action="$evil/form"><button autofocus onfocus="fetch('$evil/focus')">x</button></form>
<a href="$evil/link" ping="$evil/ping">a link</a><table background="$evil/table"><tr><td style="background-image:url($evil/td)">x</table>
<details open ontoggle="fetch('$evil/toggle')"></details><math href="javascript:alert(1)">x</math>
</body></html>
HTML
my $head = "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n";
$browser->js(q(window.heard = []; addEventListener('message', event => heard.push(event.data)); document.title));
for my $case ([ '<script>document.title="ran"</script>', $html ], [ 'hostile once more', "\x{feff}" . $html ]) {
    my ($subject, $text) = @$case;
    utf8::encode($text);
    my $shown = substr $subject, 0, 20;
    $shown =~ s/<.*//;
    sent($lmtp, $subject, "$head\n$text");
    ok($browser->until(q(document.querySelector('#messages li .subject').textContent === ) . "'$subject'"), 'hostile HTML: in the list, as text');
    $browser->js(q(document.querySelector('#messages li').click()));
    ok($browser->until(q(!!document.querySelector('#content iframe'))), '... in a frame');
    is($browser->js(q(document.querySelector('#content iframe').getAttribute('sandbox'))), '', '... without any right');
    ok($browser->until(q(performance.getEntriesByType('resource').some(it => it.name.endsWith('/html')))), '... which is loaded');
    is(visitors(), 0, '... nothing is loaded from elsewhere');
    is($browser->js('heard.length'), 0, '... nothing has run');
    unlike($browser->js('document.title'), qr/ran/, '... nor in the page');
}
# By itself, as somebody who copies its address would see it.
$browser->visit("${web}api/messages/5/html");
ok($browser->until(q(document.body && document.body.textContent.includes('Dear customer'))), 'the HTML by itself');
is(visitors(), 0, '... loads nothing from elsewhere');
is($browser->js('location.href'), "${web}api/messages/5/html", '... and leads nowhere');

# The trap is one: what may connect is counted.
$browser->visit('about:blank');
$browser->js("new Image().src = '$evil/'");
cmp_ok(visitors(), '>=', 1, 'whoever does is counted');
$browser->complaints;    # of what was refused

# ---------------------------------------------------------------- search, clear, looks

$browser->visit($web);
ok(shows('messages', 'Welcome'), 'the list is there again');
my $search = q(const it = document.getElementById('search'); it.value = '%s'; it.dispatchEvent(new Event('input')));
$browser->js('{' . sprintf($search, 'invoice') . '}');
ok(shows('count', '1 match in 5 messages'), 'search: how many');
ok($browser->until(q(document.querySelectorAll('#messages li').length === 1)), '... only these are shown');
sent($lmtp, 'Nothing like it', "\nHello.\n");
ok(shows('count', 'in 6 messages'), '... while others come');
is($browser->js(q(document.querySelectorAll('#messages li').length)), 1, '... which are not shown');
$browser->js('{' . sprintf($search, '') . '}');
ok($browser->until(q(document.querySelectorAll('#messages li').length === 6)), '... until all are wanted');

sent($lmtp, 'Order 2087', "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nHello, your order is on its way.\n--b\n"
    . "Content-Type: text/html; charset=utf-8\n\n<h2 style='color:#1f5fa8'>Your order is on its way</h2><p>Hello Ben,</p><p>three parcels left our "
    . "house this morning.</p><table border=1 cellpadding=6><tr><td>Lamp<td>1<tr><td>Bulbs<td>4</table>\n--b--\n",
    map {"$_\@example.net"} qw(ben nobody full));
ok(shows('messages', 'Order 2087'), 'one with HTML and text');
$browser->js(q(document.querySelector('#messages li').click()));
ok($browser->until(q(!!document.querySelector('#content iframe'))), '... is shown');
for my $look ([ 'desktop', 1280, 800, 0 ], [ 'dark', 1280, 800, 1 ], [ 'phone', 390, 844, 0 ], [ 'phone-dark', 390, 844, 1 ]) {
    my ($name, $width, $height, $is_dark) = @$look;
    $browser->size($width, $height);
    $browser->dark($is_dark);
    ok($browser->until("innerWidth === $width && document.documentElement.scrollWidth <= $width"), "$name: nothing is wider than the screen");
    picture($name);
}
$browser->key('Escape');
ok($browser->until(q(document.getElementById('message').hidden)), 'back to the list');
picture('phone-list');

click('clear-button');
ok($browser->until(q(document.getElementById('sure').open)), 'clear asks');
click('sure-yes');
ok($browser->until(q(document.querySelectorAll('#messages li').length === 0)), '... and forgets all');
ok(shows('count', '0 messages'), '... says so');
sent($lmtp, 'Afterwards', "\nHello.\n");
ok(shows('messages', 'Afterwards'), 'what comes then is there');
is(join('; ', $browser->complaints), '', 'no script has failed');

kill TERM => $pid;
is((finish($pid))[0], 0, 'it ends while the page is open');
undef $browser;

done_testing;
