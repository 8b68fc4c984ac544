# Email::Sender's transports: what comes of refusals and lost links, who got the message, and the links that are kept.

use strict;
use warnings;

use lib 't/lib';
use File::Temp ();
use IO::Socket::INET ();
use Mail::Wire::Sink;
use Mail::Wire::TLS;
use POSIX ();
use Test::More;

BEGIN { plan skip_all => 'Email::Sender is not installed' if not eval { require Email::Sender::Transport } }

use Email::Sender::Transport::LMTP::Persistent;
use Email::Sender::Transport::QMTP::Persistent;
use LMTPTest ();
use ScriptedServer;
use SenderTest;

# A message that can't be sent.
@WideMail::ISA = 'Email::Abstract';
sub WideMail::as_string { return "Subject: x\n\n\x{20ac}\n" }

# A transport for the server.
sub transport {
    my ($class, $sink, %options) = @_;
    my $protocol = $sink->can('url') && $sink->url =~ /\Aqmtp/ ? 'QMTP' : 'LMTP';
    my @place = defined $sink->path ? (host => $sink->path) : (host => $sink->host, port => $sink->port);
    return "Email::Sender::Transport::$protocol$class"->new({ @place, helo => 'client.example', %options });
}

sub accepted {
    my ($sink) = @_;
    return join ' ', map { $_->{address} } grep { $_->{accepted} } map { @{ $_->{recipients} } } $sink->messages;
}

# A message that goes at once may be on the wire before the server's end of the link has come.
sub wait_for_end {
    my ($transport) = @_;
    my ($client) = @{ $transport->_idle || [] };
    my $fd = $client && $client->fileno;
    return if not defined $fd;
    vec(my $link = '', $fd, 1) = 1;
    select $link, undef, undef, 10;
    return;
}

my %RULES = (
    lmtp => {
        mail  => sub { $_[0] eq 'temp@x' ? '451 4.3.0 Later' : $_[0] eq 'perm@x' ? '550 5.7.1 Never' : undef },
        rcpt  => { 'no@x' => '550 5.1.1 Nobody', 'never@x' => '551 5.1.6 Moved', 'dumb@x' => '550', 'later@x' => '450 4.2.1 Busy' },
        final => { 'full@x' => '452 4.2.2 Full', 'big@x' => '552 5.3.4 Too big' },
    },
    qmtp => {
        final => { 'no@x' => 'DNobody', 'never@x' => 'DMoved', 'later@x' => 'ZBusy', 'full@x' => 'ZFull', 'big@x' => 'DToo big' },
    },
);

# Protocol, options, recipients; what comes of it, and who has got it.
my @cases = (
    [ lmtp => {}, 'a@x', 'Success | a@x', 'a@x' ],
    [ lmtp => {}, 'a@x b@x', 'Success | a@x,b@x', 'a@x b@x' ],
    [ lmtp => {}, 'no@x', 'Permanent:550 no@x', '' ],
    [ lmtp => {}, 'a@x no@x', 'Permanent:550 no@x', '' ],
    [ lmtp => {}, 'later@x a@x no@x', 'Multi(Temporary:450+Permanent:550) later@x,no@x', '' ],
    [ lmtp => {}, 'no@x never@x', 'Multi(Permanent:550+Permanent:551) no@x,never@x', '' ],
    [ lmtp => {}, 'no@x a@x full@x', 'Permanent:550 no@x', '' ],
    [ lmtp => {}, 'full@x', 'Temporary:452 full@x', '' ],
    [ lmtp => {}, 'a@x full@x b@x', 'Multi(Temporary:452) full@x | a@x,b@x', 'a@x b@x' ],
    [ lmtp => {}, 'full@x big@x', 'Multi(Temporary:452+Permanent:552) full@x,big@x', '' ],
    [ lmtp => {}, 'a@x a@x', 'Success | a@x,a@x', 'a@x a@x' ],
    [ lmtp => { from => 'temp@x' }, 'a@x b@x', 'Temporary:451 a@x,b@x', '' ],
    [ lmtp => { from => 'perm@x' }, 'a@x', 'Permanent:550 a@x', '' ],
    [ lmtp => { from => undef }, 'a@x b@x', 'Success | a@x,b@x', 'a@x b@x' ],
    [ lmtp => { allow_partial_success => 1, from => 'perm@x' }, 'a@x b@x', 'Permanent:550 a@x,b@x', '' ],
    [ lmtp => { allow_partial_success => 1 }, 'a@x no@x full@x', 'Success::Partial(Permanent:550+Temporary:452) no@x,full@x | a@x', 'a@x' ],
    [ lmtp => { allow_partial_success => 1 }, 'no@x full@x', 'Multi(Permanent:550+Temporary:452) no@x,full@x', '' ],
    [ lmtp => { allow_partial_success => 1 }, 'a@x b@x', 'Success | a@x,b@x', 'a@x b@x' ],
    [ lmtp => { one_by_one => 1 }, 'no@x a@x full@x b@x', 'Multi(Permanent:550+Temporary:452) no@x,full@x | a@x,b@x', 'a@x b@x' ],
    [ lmtp => { one_by_one => 1, allow_partial_success => 1 }, 'no@x a@x', 'Success::Partial(Permanent:550) no@x | a@x', 'a@x' ],
    [ qmtp => {}, 'a@x b@x', 'Success | a@x,b@x', 'a@x b@x' ],
    [ qmtp => {}, 'no@x', 'Permanent:550 no@x', '' ],
    [ qmtp => {}, 'a@x no@x later@x', 'Multi(Permanent:550+Temporary:450) no@x,later@x | a@x', 'a@x' ],
    [ qmtp => { allow_partial_success => 1 }, 'a@x no@x', 'Success::Partial(Permanent:550) no@x | a@x', 'a@x' ],
    [ qmtp => { one_by_one => 1 }, 'a@x no@x b@x', 'Multi(Permanent:550) no@x | a@x,b@x', 'a@x b@x' ],
);

for my $class ('', '::Persistent') {
    my %sink = map { $_ => Mail::Wire::Sink->new(protocol => $_, %{ $RULES{$_} }) } qw(lmtp qmtp);
    for my $case (@cases) {
        my ($protocol, $options, $to, $expected, $has) = @$case;
        my %option = %$options;
        my @from = exists $option{from} ? (from => delete $option{from}) : ();
        my $sink = $sink{$protocol};
        $sink->clear;
        my $name = join ' ', "$protocol$class", (map { defined $_ ? $_ : 'undef' } %$options), 'to', $to;
        my $transport = transport($class, $sink, %option);
        is(outcome(sent($transport, [ split / /, $to ], @from)), $expected, $name);
        is(accepted($sink), $has, '... who got it');
        next if !$class;
        is(outcome(sent($transport, ['z@x'])), 'Success | z@x', '... and the next one over the same link');
        $transport->disconnect;
        is_deeply([ $sink->commands ], [ grep { !/\AQUIT/ } $sink->commands ], '... which is one of QMTP') if $protocol eq 'qmtp';
        is((grep {/\AQUIT\z/} $sink->commands) + 0, 1, '... which ends in good order') if $protocol eq 'lmtp';
    }
}

# ---- what is said

{
    my $sink = Mail::Wire::Sink->new(%{ $RULES{lmtp} });
    sent(transport('', $sink), [ 'a@x', 'no@x' ]);
    is_deeply([ grep {/\A(?:DATA|BDAT|RSET|QUIT)/} $sink->commands ], [qw(RSET QUIT)], 'refused at RCPT: no content is begun');
    is(sent(transport('', $sink), [ 'a@x', 'full@x' ])->message,
        '1 of 2 recipients were not accepted; the message was delivered to the other 1', 'behind the content: the message says so');
    is(sent(transport('', $sink), [ 'a@x', 'no@x', 'later@x' ])->message,
        '2 of 3 recipients were not accepted; the message was not sent to the others', 'at RCPT: so does this one');
    is(sent(transport('', $sink), 'full@x')->message, 'error after DATA: 4.2.2 Full', 'words of a final reply');
    is(sent(transport('', $sink), 'no@x')->message, '5.1.1 Nobody', '... of RCPT');
    is(sent(transport('', $sink), 'a@x', from => 'perm@x')->message, 'perm@x failed after MAIL FROM: 5.7.1 Never', '... of MAIL');
    is(sent(transport('', $sink), 'dumb@x')->message, 'code 550, without a word', '... where there are none');
    is(sent(transport('', $sink), [ '', undef ])->message, 'no valid addresses in recipient list', 'nobody to send to');
    my $success = sent(transport('', $sink), 'a@x');
    like($success->message, qr/\A2\.\d\.\d /, 'a success has the words of the server');
    is_deeply([ map { $_->code } $success->results ], [250], '... and results');

    $sink->rules(data => '451 4.3.0 Not now');
    is(sent(transport('', $sink), [ 'a@x', 'b@x' ])->message, 'error at DATA start: 4.3.0 Not now', 'DATA is refused');
    is(outcome(sent(transport('', $sink), [ 'a@x', 'b@x' ])), 'Temporary:451 a@x,b@x', '... to all at once');
    $sink->rules(mail => '550 5.7.1 Never');
    is(sent(transport('', $sink), 'a@x', from => '')->message, '<> failed after MAIL FROM: 5.7.1 Never', 'MAIL with the null sender');
}

# What is said to each: one failure for all who are told the same, at the same place.
for my $case (
    [ 'the same', [ '451 4.3.0 Later', '451 4.3.0 Later' ], 'Temporary:451 a@x,b@x' ],
    [ 'another code', [ '451 4.3.0 Later', '452 4.3.0 Later' ], 'Multi(Temporary:451+Temporary:452) a@x,b@x' ],
    [ 'other words', [ '451 4.3.0 Later', '451 4.3.0 Not now' ], 'Multi(Temporary:451+Temporary:451) a@x,b@x' ],
    [ 'another stage', [ '451 4.3.0 Later', undef ], 'Multi(Temporary:451+Temporary:451) a@x,b@x' ],
) {
    my ($name, $replies, $expected) = @$case;
    my @replies = @$replies;
    my $sink = Mail::Wire::Sink->new(mail => sub { shift @replies }, data => '451 4.3.0 Later', chunking => 0);
    is(outcome(sent(transport('', $sink, one_by_one => 1), [ 'a@x', 'b@x' ])), $expected, "one by one, all refused: $name");
}
for my $protocol (qw(lmtp qmtp)) {
    my $sink = Mail::Wire::Sink->new(protocol => $protocol, $protocol eq 'lmtp' ? (smtputf8 => 1, size => 10_000) : ());
    for my $to ([ 'a@x' ], [ 'a@x', 'b@x' ]) {
        for my $text ("Subject: \xc3\xa9\n\nOne\n.\nTwo", "Subject: \xc3\xa9\r\n\r\nOne\r\n.\r\nTwo\r\n") {
            $sink->clear;
            is(outcome(sent(transport('', $sink), $to, text => $text)), 'Success | ' . join(',', @$to), "$protocol: content to @$to");
            my ($message) = $sink->messages;
            (my $data = $message->{data}) =~ s/\r\n/\n/g;
            like($data, qr/\ASubject: \xc3\xa9\n\nOne\n\.\nTwo\n?\z/, '... as it was given');
            is($message->{from_params}{BODY}, '8BITMIME', '... and declared') if $protocol eq 'lmtp';
            is($message->{from_params}{SIZE}, length $message->{data}, '... with its size') if $protocol eq 'lmtp';
            unlike($message->{data}, qr/\r/, '... by LF') if $protocol eq 'qmtp';
        }
    }
    my @addresses = $protocol eq 'lmtp'
        ? ([ 'ann example@x' => '"ann example"@x' ], [ 'a"b\\c@x' => '"a\\"b\\\\c"@x' ], [ '"ann example"@x' => '"ann example"@x' ],
            [ 'a.b+c@x' => 'a.b+c@x' ], [ '.a@x' => '".a"@x' ], [ 'a@b@x' => '"a@b"@x' ], [ "\xc3\xa9\@x" => "\xc3\xa9\@x" ], [ 'postmaster' => 'postmaster' ])
        : ([ '"ann example"@x' => 'ann example@x' ], [ '"a\\"b\\\\c"@x' => 'a"b\\c@x' ], [ 'a.b@x' => 'a.b@x' ], [ '"ann"' => 'ann' ]);
    for my $address (@addresses) {
        $sink->clear;
        is(outcome(sent(transport('', $sink), [ $address->[0], 'b@x' ])), "Success | $address->[0],b\@x", "$protocol: the address $address->[0]");
        is(accepted($sink), "$address->[1] b\@x", "... is $address->[1]");
    }
    $sink->clear;
    is(outcome(sent(transport('', $sink), [ 'a@x', 'b@x' ], from => "\xc3\xa9\@x")), 'Success | a@x,b@x', "$protocol: a sender beyond ASCII");
    is_deeply([ map { $_ || 0 } @{ ($sink->messages)[0]{from_params} }{qw(BODY)} ], [0], '... of a message in ASCII') if $protocol eq 'lmtp';
    is(outcome(sent(transport('', $sink), 'a@x', from => '')), 'Success | a@x', "$protocol: the null sender");
    is(($sink->messages)[-1]{from}, '', '... is sent as one');
}
{
    my $sink = Mail::Wire::Sink->new(size => 1000);
    my $failure = sent(transport('', $sink), [ 'a@x', 'b@x' ], text => "Subject: x\n\n" . "line\n" x 200);
    is(outcome($failure), 'Permanent:552 a@x,b@x', 'more than the server takes');
    is_deeply([ grep {/\A(?:MAIL|RCPT|DATA)/} $sink->commands ], [], '... is not begun');
}

# ---- links that are lost

{
    my $sink = Mail::Wire::Sink->new(close_at => { stage => 'final', after => 1 });
    my $failure = sent(transport('', $sink), [ 'a@x', 'b@x' ]);
    is(outcome($failure), 'Multi(Temporary:421) b@x? | a@x', 'the link is lost between the final replies');
    like($failure->message, qr/; 1 of those not accepted may have it\z/, '... the message says who may have it');
    like(($failure->failures)[0]->message, qr/\Aerror after DATA: .*\(may have been delivered\)\z/, '... and his own failure');
    is(scalar $failure->maybe_delivered, 1, '... in scalar context how many');
    is(scalar $failure->delivered, 1, '... also of those who have it');

    $sink = Mail::Wire::Sink->new(protocol => 'qmtp', close_at => { stage => 'final', after => 1 });
    is(outcome(sent(transport('', $sink), [ 'a@x', 'b@x' ])), 'Multi(Temporary:450) b@x? | a@x', '... by QMTP');

    $sink = Mail::Wire::Sink->new(close_at => { stage => 'rcpt', after => 1 }, pipelining => 0);
    is(outcome(sent(transport('', $sink), [ 'a@x', 'b@x' ])), 'Multi(Temporary:421+Temporary:421) a@x,b@x', 'the link is lost at RCPT: nobody has it');
}
for my $protocol (qw(lmtp qmtp)) {
    my $sink = Mail::Wire::Sink->new(protocol => $protocol, close_after => 1);
    for my $to ([ 'a@x' ], [ 'a@x', 'b@x' ]) {
        $sink->clear;
        my $transport = transport('::Persistent', $sink);
        for my $number (1 .. 3) {
            wait_for_end($transport);
            is(outcome(sent($transport, $to)), 'Success | ' . join(',', @$to), "$protocol: message $number over a link that ends after one");
        }
        is(accepted($sink), "@$to @$to @$to", '... each has come once');
    }
}

# Sent again is what an idle link has lost with it, and nothing else: what was asked and answered may have been done.
for my $case (
    [ '', 'a link that ends at MAIL and is new', close_at => { stage => 'mail', after => 0 } ],
    [ '::Persistent', 'a refusal of MAIL', mail => { 'b@x' => '451 4.3.0 Later' } ],
    [ '::Persistent', 'a final reply that ends the link', final => { 'b@x' => '421 4.3.2 Closing' } ],
    [ '::Persistent', 'a reply to RCPT that does', rcpt => { 'b@x' => '421 4.3.2 Closing' } ],
) {
    my ($class, $name, @rules) = @$case;
    for my $more ([], ['c@x']) {
        my $sink = Mail::Wire::Sink->new(@rules);
        my $transport = transport($class, $sink);
        sent($transport, 'a@x') if $class;
        like(outcome(sent($transport, [ 'b@x', @$more ], from => 'b@x')), qr/Temporary:4[25]1/, "$name, to b\@x @$more: is told");
        is(scalar(grep {/\AMAIL FROM:<b\@x>/} $sink->commands), 1, '... and nothing is sent again');
    }
}
{
    my $sink = Mail::Wire::Sink->new(protocol => 'qmtp');
    my $transport = transport('::Persistent', $sink);
    sent($transport, 'a@x');
    $sink->stop;
    wait_for_end($transport);
    like(sent($transport, 'b@x')->message, qr/\Ano connection: \S/, 'a server that has gone');
    is($transport->_idle, undef, '... leaves no link to be kept');
}
{
    my $sink = Mail::Wire::Sink->new;
    my $transport = transport('::Persistent', $sink);
    sent($transport, 'a@x');
    {
        no warnings 'once';
        local *Email::Sender::Transport::LMTP::Persistent::_deliver = sub { die "struck\n" };
        is(outcome(sent($transport, 'b@x')), "died: struck\n", 'a send that dies');
    }
    is($transport->_idle, undef, '... takes its link with it');
    is(outcome(sent($transport, 'c@x')), 'Success | c@x', '... and the next message goes over another one');
}
{
    my $sink = Mail::Wire::Sink->new;
    my $transport = transport('::Persistent', $sink);
    sent($transport, 'a@x');
    my $pid = fork;
    defined $pid or die "fork: $!";
    if (!$pid) {
        $SIG{__WARN__} = sub { POSIX::_exit(2) };
        my $is_well = outcome(sent($transport, 'child@x')) eq 'Success | child@x';
        undef $transport;
        POSIX::_exit($is_well ? 0 : 1);
    }
    waitpid $pid, 0;
    is($?, 0, 'a child sends');
    is(outcome(sent($transport, 'b@x')), 'Success | b@x', '... and the parent goes on');
    is_deeply([ map { $_->{link} } $sink->messages ], [ 1, 2, 1 ], '... each over a link of its own');

    my $mail = bless [], 'WideMail';
    like(outcome(sent($transport, 'c@x', text => $mail)), qr/\Adied: .*Wide character in a message/s, 'text that is no octets dies');
    is(outcome(sent($transport, 'd@x')), 'Success | d@x', '... and the next message is sent');
}

# ---- options

my @refused = (
    [ LMTP => { host => 'localhost' }, qr/option port is missing/ ],
    [ LMTP => { host => 'localhost:24' }, qr/the port is given by the option port/ ],
    [ LMTP => { host => '[::1]:24' }, qr/the port is given by the option port/ ],
    [ LMTP => { host => '/s', hosts => ['/s'] }, qr/either host or hosts/ ],
    [ LMTP => { hosts => [] }, qr/hosts must be/ ],
    [ LMTP => { hosts => { a => 1 } }, qr/hosts must be/ ],
    [ LMTP => { hosts => '' }, qr/hosts must be/ ],
    [ LMTP => { host => '/s', ssl => 'tls' }, qr/ssl must be one of ssl starttls maybestarttls, not 'tls'/ ],
    [ LMTP => { host => '/s', ssl_options => { Host => 'x' } }, qr/'Host', which is no SSL_/ ],
    [ LMTP => { host => '/s', ssl_options => 'x' }, qr/ssl_options must be/ ],
    [ LMTP => { host => '/s', port => 'lmtp' }, qr/port must be a number/ ],
    [ LMTP => { host => '/s', port => 0 }, qr/port must be a number/ ],
    [ LMTP => { host => '/s', port => 65_536 }, qr/port must be a number/ ],
    [ LMTP => { hosts => [ '/s', 'localhost' ] }, qr/option port is missing/ ],
    [ LMTP => { host => '/s', timeout => -1 }, qr/timeout must be/ ],
    [ LMTP => { host => '/s', timeout => 'long' }, qr/timeout must be/ ],
    [ LMTP => { host => '/s', sasl_user => 'ann' }, qr/has no option 'sasl_user'/ ],
    [ LMTP => { host => '/s', _hosts => ['/t'] }, qr/has no option '_hosts'/ ],
    [ QMTP => { ssl => 'starttls' }, qr/QMTP has no STARTTLS/ ],
    [ QMTP => { ssl => 'MaybeStartTLS' }, qr/QMTP has no STARTTLS/ ],
    (map { [ QMTP => { $_ => 'ann' }, qr/QMTP has no authentication, option $_/ ] } qw(sasl_username sasl_password sasl_authenticator)),
);
for my $case (@refused) {
    my ($protocol, $option, $why) = @$case;
    my $made = eval { "Email::Sender::Transport::$protocol"->new($option) };
    is($made, undef, "$protocol refuses @{[ %$option ]}");
    like($@, $why, '... and says why');
}
is(Email::Sender::Transport::LMTP->new({ host => '/s', ssl => $_->[0] })->ssl, $_->[1], "ssl $_->[0] is '$_->[1]'")
    for [ 0, '' ], [ '', '' ], [ 1, 'ssl' ], [ 'SSL', 'ssl' ], [ 'StartTLS', 'starttls' ];
is(Email::Sender::Transport::LMTP->new(host => '/s')->port, undef, 'a path has no port');
is(Email::Sender::Transport::LMTP->new(host => '::1', port => 24)->host, '::1', 'an IPv6 address is no host with a port');
is(Email::Sender::Transport::LMTP->new(host => '/run/a:24')->host, '/run/a:24', '... and no path is');
is(Email::Sender::Transport::QMTP->new->port, 209, 'QMTP has one');
is(Email::Sender::Transport::QMTP->new(map { $_ => undef } qw(port timeout ssl helo))->port, 209, '... as without options that are undefined');
is(Email::Sender::Transport::QMTP->new(ssl => 'ssl')->port, 6209, '... and another one with TLS');
is_deeply([ Email::Sender::Transport::QMTP->new(hosts => 'a, b,c')->hosts ], [qw(a b c)], 'hosts in a string');
ok(Email::Sender::Transport::QMTP->new->is_simple, 'Email::Sender::Simple takes it');
ok(!Email::Sender::Transport::QMTP->new(allow_partial_success => 1)->is_simple, '... but for partial success');

for my $protocol (qw(lmtp qmtp)) {
    my $class = 'Email::Sender::Transport::' . uc $protocol;
    my $sink = Mail::Wire::Sink->new(protocol => $protocol, path => File::Temp::tempdir(CLEANUP => 1) . '/socket');
    my $failure = sent($class->new({ hosts => [ '/nonexistent/1', '/nonexistent/2' ] }), 'a@x');
    is(outcome($failure), 'Temporary a@x', "$protocol: nobody is there");
    like($failure->message, qr{\Aunable to establish a connection to \(/nonexistent/1, /nonexistent/2\).*: \S}, '... and the message says where');
    like($failure->message, qr{: \S*/nonexistent/1: .*; /nonexistent/2: \S}, '... and why of each') if $protocol eq 'qmtp';
    is(outcome(sent($class->new({ hosts => [ '/nonexistent/1', $sink->path ] }), 'a@x')), 'Success | a@x', '... the second host is');

    local %ENV = (%ENV, EMAIL_SENDER_TRANSPORT => uc $protocol, EMAIL_SENDER_TRANSPORT_HOSTS => '/nonexistent/1,' . $sink->path);
    my @words = qx($^X -Mblib -MEmail::Sender::Simple=sendmail -e 'print ref sendmail(qq(From: a\\x40x\\nTo: env\\x40x\\n\\nx\\n))' 2>&1);
    like("@words", qr/\AEmail::Sender::Success__WITH__/, "$protocol: by the environment");
    is(($sink->messages)[-1]{recipients}[0]{address}, 'env@x', '... has come');
}

{
    my $without = 'unshift @INC, sub { die qq(not here\n) if $_[1] eq q(Email/Sender/Transport.pm) }; require Email::Sender::Transport::QMTP';
    like(scalar qx($^X -Mblib -e '$without' 2>&1), qr/need Email::Sender \(Debian: libemail-sender-perl\): not here/, 'without Email::Sender: what to install');
}

# ---- what is handed on to the link

for my $protocol (qw(lmtp qmtp)) {
    my $sink = Mail::Wire::Sink->new(protocol => $protocol);
    my $shown = LMTPTest::stderr_of(sub { sent(transport('', $sink, debug => 1), 'a@x') });
    like($shown, qr/>>>|: connecting to /, "$protocol: debug");
    is(LMTPTest::stderr_of(sub { sent(transport('', $sink), 'a@x') }), '', '... only if asked for');
    my $held = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die $!;
    is(outcome(sent(transport('', $sink, localport => $held->sockport), 'a@x')), 'Temporary a@x', "$protocol: localport, which is another's");
    is(outcome(sent(transport('', $sink, localaddr => '192.0.2.1'), 'a@x')), 'Temporary a@x', '... localaddr, which is not ours');
}
{
    my $sink = Mail::Wire::Sink->new;
    sent(transport('', $sink, helo => 'me.example'), 'a@x');
    is(($sink->messages)[0]{lhlo}, 'me.example', 'helo');
    is(outcome(sent(transport('', $sink), [ 'a@<b>', 'c@x' ])), 'Permanent:501 a@<b>', 'an address is what it is, and not another one in it');

    for my $case ([ 600 ], [ 7, timeout => 7 ]) {
        my ($seconds, @timeout) = @$case;
        my $transport = transport('::Persistent', $sink, @timeout);
        sent($transport, [ 'a@x', 'b@x' ]);
        is($transport->_idle->[0]->timeout, $seconds, "content to two: no wait is longer than $seconds seconds");
    }

    # Connecting may take as long as anything else.
    my @waits;
    my $made = \&Net::QMTP::new;
    no warnings qw(once redefine);
    local *Net::QMTP::new = sub { my ($class, $host, %given) = @_; @waits = @given{qw(Timeout ConnectTimeout)}; return $class->$made($host, %given) };
    sent(Email::Sender::Transport::QMTP->new({ host => '/nonexistent', timeout => 7 }), 'a@x');
    is_deeply(\@waits, [ 7, 7 ], 'timeout of QMTP: for connecting as well');

    # Whom a link is logged in for, by what.
    my (%new, @auth);
    my $new = \&Net::LMTP::new;
    local *Net::LMTP::new = sub { my ($class, @given) = @_; %new = @given; return $class->$new(@given) };
    local *Net::LMTP::auth = sub { my (undef, @given) = @_; push @auth, "@given"; return 1 };
    my $sasl = bless [], 'Authen::SASL';
    for my $case ([ "$sasl", sasl_authenticator => $sasl ], [ 'ann secret', sasl_username => 'ann', sasl_password => 'secret' ], [ undef, sasl_username => '' ]) {
        my ($expected, @login) = @$case;
        @auth = ();
        is(outcome(sent(transport('', $sink, @login), 'a@x')), 'Success | a@x', "a login by @login");
        is_deeply(\@auth, [ grep { defined } $expected ], '... asks for it');
    }
    is($new{AllowPlaintextAuth}, undef, 'no password goes in the clear');
    sent(transport('', $sink, allow_plaintext_auth => 1, timeout => 7), 'a@x');
    is_deeply([ @new{qw(AllowPlaintextAuth Timeout)} ], [ 1, 7 ], '... unless that is allowed');
}

# ---- AUTH and TLS

{
    my @hello = LMTPTest::hello_script('AUTH PLAIN');
    my @login = (sasl_username => 'ann', sasl_password => 'secret');
    my $server = ScriptedServer->new(script => [ @hello, expect => 'AUTH PLAIN AGFubgBzZWNyZXQ=', reply => '235 2.7.0 in',
        expect => qr/^LHLO/, reply => '250 server.example', expect => qr/^MAIL/, reply => '250 ok', expect => qr/^RCPT/, reply => '250 ok',
        expect => 'DATA', reply => '354 go', data => 1, reply => '250 taken', expect => 'QUIT', reply => '221 bye' ]);
    is(outcome(sent(transport('', $server, @login), 'a@x')), 'Success | a@x', 'AUTH');
    is_deeply([ $server->problems ], [], '... as it is said');

    for my $case ([ '535 5.7.8 no' => 'Permanent:535 a@x' ], [ '454 4.7.0 later' => 'Temporary:454 a@x' ]) {
        my ($reply, $expected) = @$case;
        $server = ScriptedServer->new(script => [ @hello, expect => qr/^AUTH PLAIN/, reply => $reply, expect => 'QUIT', reply => '221 bye' ]);
        my $failure = sent(transport('', $server, @login), 'a@x');
        is(outcome($failure), $expected, "AUTH is refused, $reply");
        like($failure->message, qr/\Afailed AUTH: \Q${\ substr $reply, 4 }\E\z/, '... in the words of the server');
        is_deeply([ $server->problems ], [], '... and nothing is sent');
    }
    my $refusing = Mail::Wire::Sink->new(lhlo => ['AUTH PLAIN'], verbs => { AUTH => '535 5.7.8 no' });
    is(outcome(sent(transport('', $refusing, @login), 'a@x')), 'Permanent:535 a@x', 'a link whose login is refused');
    is_deeply([ map { (split)[0] } $refusing->commands ], [qw(LHLO AUTH QUIT)], '... ends in good order');

    my $sink = Mail::Wire::Sink->new;
    like(sent(transport('', $sink, sasl_username => 'ann'), 'a@x')->message, qr/sasl_username but no sasl_password/, 'a user without a password');
    is(($sink->messages) + 0, 0, '... sends nothing');
}
SKIP: {
    skip 'IO::Socket::SSL is not installed', 6 if not Mail::Wire::TLS::is_there();
    for my $case ([ implicit => 'ssl' ], [ starttls => 'starttls' ], [ starttls => 'maybestarttls' ]) {
        my ($tls, $ssl) = @$case;
        my $sink = Mail::Wire::Sink->new(tls => $tls);
        my $ca = { ssl_options => { SSL_ca_file => $sink->ca_file } };
        is(outcome(sent(transport('', $sink, ssl => $ssl, %$ca), [ 'a@x', 'b@x' ])), 'Success | a@x,b@x', "ssl => '$ssl'");
        is(outcome(sent(transport('', $sink, ssl => $ssl), 'a@x')), 'Temporary a@x', '... whom nobody knows gets nothing');
    }
    my $sink = Mail::Wire::Sink->new;
    is(outcome(sent(transport('', $sink, ssl => 'starttls'), 'a@x')), 'Temporary a@x', 'STARTTLS is not offered');
    is(outcome(sent(transport('', $sink, ssl => 'maybestarttls'), 'a@x')), 'Success | a@x', '... and may be missing');
    $sink = Mail::Wire::Sink->new(protocol => 'qmtp', tls => 'implicit');
    is(outcome(sent(Email::Sender::Transport::QMTP->new({ host => $sink->host, port => $sink->port, ssl => 1, ssl_options => { SSL_ca_file => $sink->ca_file } }), 'a@x')),
        'Success | a@x', 'QMTP over TLS');
}
done_testing;
