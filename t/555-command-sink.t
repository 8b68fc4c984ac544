# mailwire sink: what it listens on, shows, stores and refuses, and how it ends.

use strict;
use warnings;

use lib 't/lib';
use CommandTest;
use File::Temp ();
use Mail::Wire ();
use Mail::Wire::Sink::Rules ();
use Mail::Wire::TLS ();
use Test::More;

my $folder = File::Temp->newdir;

# Hands a message over, and has what each recipient was answered.
sub sent {
    my ($url, @to) = @_;
    my ($place, $ca) = split / --tls-ca /, $url;
    my $client = Mail::Wire->connect($place, defined $ca ? (SSL_ca_file => $ca) : ()) or die "$url: $@";
    return join ' ', map { $_->status } $client->deliver(From => 'ann@x', To => \@to, Data => "Subject: x\n\nHello.\n");
}

# Runs it, with its standard output in a file, until it has said what it listens on.
my $runs = 0;

sub sink {
    my ($lines, @options) = @_;
    my $out = "$folder/out" . ++$runs;
    my $pid = start({ stdout => $out }, 'sink', @options);
    wait_for(sub { -e $out && (() = read_file($out) =~ /\n/g) >= $lines }) or die 'it says nothing: ' . errors($pid);
    return ($pid, $out, split /\n/, read_file($out));
}

# Its exit code, and what it has said.
sub ended {
    my ($pid, $out, $signal) = @_;
    kill $signal => $pid if $signal;
    my ($code, undef, $err) = finish($pid);
    return ($code, read_file($out), $err);
}

# ---------------------------------------------------------------- usage

my @usage = (
    { args => ['x'],                                 code => 64, says => qr/'x' is no option/ },
    { args => [ '--lmtp', 'example.org:24' ],        code => 69, says => qr/--lmtp example\.org:24: example\.org is no loopback address/ },
    { args => [ '--lmtp', 'nowhere' ],               code => 64, says => qr/--lmtp nowhere: give PORT, HOST:PORT or the path/ },
    { args => [ '--qmtp', '--starttls' ],            code => 64, says => qr/--starttls is for LMTP/ },
    { args => ['--files'],                           code => 64, says => qr/--files is for --store/ },
    { args => [ '--keep', 3 ],                       code => 64, says => qr/--keep is for --web/ },
    { args => [ '--size', 0 ],                       code => 64, says => qr/--size must be 1 or more/ },
    { args => [ '--rules', "$folder/none" ],         code => 66, says => qr/--rules \S+none: / },
    { args => [ '--store', "$folder/none/deeper" ],  code => 73, says => qr/--store: can't make the folder/ },
    { args => [ '--rules', write_file("$folder/wrong", "# x\n\nrcpt a 55 x\n") ], code => 64, says => qr/wrong: line 3: '55 x' is no reply/ },
);
for my $case (@usage) {
    my ($code, $out, $err) = mailwire({}, 'sink', @{ $case->{args} });
    is($code, $case->{code}, "@{ $case->{args} }: exit code") or diag($err);
    like($err, $case->{says}, '... why');
    is($out, '', '... nothing was listened on');
}

# ---------------------------------------------------------------- rules as text

my @wrong = (
    [ 'foo',                        q('foo' is no stage, these are body data final greeting mail rcpt verb) ],
    [ 'rcpt a',                     'rcpt needs an address and a reply behind it' ],
    [ 'rcpt',                       'rcpt needs an address and a reply behind it' ],
    [ 'data',                       'data needs a reply behind it' ],
    [ 'rcpt 550 No',                q('550' is a reply, where an address has to be; * is any) ],
    [ 'rcpt <a> 550 No',            q('<a>': addresses are without brackets; "" is the null sender) ],
    [ 'rcpt a 5500',                q('5500' is no reply: it begins with a code of three digits and a space) ],
    [ 'rcpt a 350 x',               'a reply of rcpt begins with one of the digits 2 4 5, not with 3' ],
    [ 'data 250 x',                 'a reply of data begins with one of the digits 3 4 5, not with 2' ],
    [ 'rcpt a 550 4.1.1 No',        'the enhanced status code begins with 5, as the code does' ],
    [ 'verb mail 250 x',            'MAIL has a stage of its own' ],
    [ 'verb X1 250 x',              q('X1' is no command) ],
    [ "rcpt a 550 x\a",             'a control character' ],
    [ 'rcpt a 550 ' . 'x' x 510,    'a reply has 510 octets at the most' ],
);
for my $case (@wrong) {
    my ($text, $why) = @$case;
    is((Mail::Wire::Sink::Rules::parse("# first\r\n\r\n$text\r\n"))[1], "line 3: $why", substr $text, 0, 30);
}
is((Mail::Wire::Sink::Rules::parse("rcpt a 550 x\nrcpt b 550 x\nrcpt a 450 x"))[1], 'line 3: rcpt a has a reply already, in line 1', 'twice');
is((Mail::Wire::Sink::Rules::parse('#' x 1_000_001))[1], 'more than 1000000 octets are no rules', 'too much');
my ($rules) = Mail::Wire::Sink::Rules::parse(qq(mail "" 554 5.7.1 No\n rcpt  *\@b\t 451 4.3.0 Later \nfinal c 250\ndata 354 Go\nverb noop 502\n));
is_deeply($rules->{lmtp}, {
    mail => { '' => '554 5.7.1 No' }, rcpt => { '*@b' => '451 4.3.0 Later' }, final => { c => '250' }, data => '354 Go', verbs => { NOOP => '502' },
    body => undef, greeting => undef,
}, 'rules for LMTP');
is_deeply($rules->{qmtp}, { mail => { '' => 'DNo (#5.7.1)' }, rcpt => { '*@b' => 'ZLater (#4.3.0)' }, final => { c => 'K' } }, '... and for QMTP');

# ---------------------------------------------------------------- runs

{
    my ($pid, $out, $lmtp, $qmtp) = sink(2, qw(--lmtp --qmtp));
    like($lmtp, qr{\Almtp://127\.0\.0\.1:[0-9]+\z}, 'LMTP');
    like($qmtp, qr{\Aqmtp://127\.0\.0\.1:[0-9]+\z}, 'QMTP');
    is(sent($lmtp, "b\@x"), 'success', '... takes a message');
    is(sent($qmtp, 'b@x', 'c@x'), 'success success', '... and so does this');
    my ($code, $said, $err) = ended($pid, $out, 'INT');
    is($code, 0, 'SIGINT: exit code 0') or diag($err);
    is($said, "$lmtp\n$qmtp\n" . join('', sort map { /^(\d+): (.*)/ ? "$1: $2\n" : () } split /\n/, $said), 'nothing but lines about recipients');
    is((() = $said =~ /: <ann\@x> to <[bc]\@x>: success \(final\) /g) + 0, 3, '... one each');
    is(eval { Mail::Wire->connect($lmtp); 1 } && Mail::Wire->connect($lmtp), undef, 'nobody is there any more');
}
{
    my $rules = write_file("$folder/rules", "rcpt *\@bad 550 5.1.1 No\n");
    my ($pid, $out, $url) = sink(1, '--lmtp', "$folder/socket", '--rules', $rules, '--store', "$folder/mail", qw(--json --count 4));
    $url =~ /"url":"([^"]+)"/ or die $url;
    $url = $1;
    is($url, "lmtp://$folder/socket", 'a socket');
    is(sent($url, 'a@bad', 'a@good'), 'failure success', 'rules hold');
    write_file("$folder/next", "rcpt nobody 55\n");
    rename "$folder/next", $rules;
    ok(wait_for(sub { errors($pid) =~ /rules: line 1: '55' is no reply.*; the rules are what they were/ }), 'a change that is wrong is told');
    is(sent($url, 'a@bad'), 'failure', '... and changes nothing');
    write_file("$folder/next", "rcpt *\@good 451 4.3.0 Later\n");
    rename "$folder/next", $rules;
    ok(wait_for(sub { errors($pid) =~ /rules: changed/ }), 'a change is told');
    is(sent($url, 'a@bad', 'a@good'), 'success deferral', '... and holds');
    is(sent($url, 'b'), 'success', 'one more') for 1 .. 2;
    my ($code, $said, $err) = ended($pid, $out);
    is($code, 0, '--count: it ends by itself') or diag($err);
    is((() = $said =~ /^\{.*"recipients":\[\{"address".*"stored":"/mg) + 0, 4, 'a line of JSON for each message');
    is(scalar(my @files = glob "$folder/mail/new/*"), 4, 'they are stored');
    ok(!-e "$folder/socket", 'the socket has gone');
}
SKIP: {
    skip $@, 2 if !Mail::Wire::TLS::is_there();
    my ($pid, $out, $url) = sink(1, '--tls', '--quiet');
    is(sent($url, 'b@x'), 'success', '--tls');
    is((ended($pid, $out, 'TERM'))[1], "$url\n", '--quiet');
}
{
    my ($pid, $out, $url) = sink(1);
    kill KILL => $pid;
    finish($pid);
    ok(wait_for(sub { !Mail::Wire->connect($url) }), 'killed: its server ends as well');
}

done_testing;
