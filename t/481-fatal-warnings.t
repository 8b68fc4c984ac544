# A caller whose warnings are fatal: what would be warned of for values that are undefined, no numbers or wide does not leave a call in
# the middle. Each call does as it does for callers without warnings.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use Net::QMTP;
use QMTPServer;

my %lmtp = (
    'mail'           => [ map {"\$l->mail($_)"} 'undef', '', '"a\x{20ac}\@x"', '[]', '"a\@x", undef', '"a\@x", Size => undef', '"a\@x", Size => "abc"',
        '"a\@x", Bits => undef', '"a\@x", Return => undef', '"a\@x", Envelope => undef', '"a\@x", AUTH => undef', '"a\@x", undef => 1', '"a\@x", {Size => undef}' ],
    'to'             => [ map {"\$l->mail('a'); \$l->to($_)"} 'undef', '', '"a\x{20ac}\@x"', 'undef, undef', '[undef]', '"a", { SkipBad => undef }',
        '"a", { Notify => undef }', '"a", { Notify => [undef] }', '"a", { ORcpt => undef }', '"a", undef', '"a", { "" => 1 }' ],
    'data'           => [ map {"\$l->mail('a'); \$l->to('b'); (\$l->data($_), \$l->code)"} 'undef', '"x", undef, "y"', '[undef]', '[undef, "x"]', '"\x{20ac}"', '[]' ],
    'datasend'       => [ map {"\$l->mail('a'); \$l->to('b'); \$l->data; my \@r = (eval { \$l->datasend($_) }, \$@); (\@r, \$l->dataend)"}
        'undef', '"x", undef, "y"', '[undef]', '["x", undef]', '"\x{20ac}"', '' ],
    'rawdatasend'    => [ map {"\$l->mail('a'); \$l->to('b'); \$l->data; my \@r = (eval { \$l->rawdatasend($_) }, \$@); (\@r, \$l->dataend)"}
        'undef', '"x", undef', '[undef]', '"\x{20ac}"' ],
    'datafh'         => [ map {"\$l->mail('a'); \$l->to('b'); my \$f = \$l->datafh; my \@r = (eval { $_ }, \$@); (\@r, close \$f)"}
        'print {$f} "x"', 'print {$f} "\x{20ac}"', 'print {$f}', 'syswrite $f, "xyz", 2, 1' ],
    'bdat'           => [ map {"\$l->mail('a'); \$l->to('b'); my \@r = (eval { \$l->bdat($_) }, \$@); (\@r, \$l->bdatlast('x'))"} 'undef', '[undef]', '"x", undef', '"\x{20ac}"' ],
    'bdatlast'       => [ map {"\$l->mail('a'); \$l->to('b'); (eval { \$l->bdatlast($_) }, \$@)"} 'undef', '[undef]', '"x", undef', '' ],
    'command'        => [ map {"(\$l->command($_)->response, \$l->code)"} '"NOOP", undef', '"NOOP", "x", undef', '"NOOP", "\x{20ac}"', '"NOOP", [undef]', 'undef' ],
    'raw commands'   => [ '$l->_NOOP(undef)', '$l->_MAIL(undef)', '$l->_RCPT(undef, undef)', '$l->_RSET(undef)', '$l->_VRFY(undef)', '$l->_BDAT(undef)' ],
    'others'         => [ map {"\$l->$_"} 'hello(undef)', 'hello("\x{20ac}")', 'help(undef)', 'verify(undef)', 'expand(undef)', 'supports(undef)', 'supports("SIZE", undef)',
        'supports("SIZE", 5, [undef])', 'etrn(undef)', 'auth(undef, undef)' ],
    'status'         => [ '$l->set_status(undef, undef); ($l->code, $l->message)', '$l->set_status("abc", [undef]); ($l->code, $l->message, $l->ok, $l->status)',
        '$l->set_status(250, undef); ($l->_NOOP, $l->message)', '$l->set_status(undef, "x"); ($l->ok, $l->status)' ],
    'lines'          => [ '$l->ungetline(undef); $l->getline', '$l->ungetline("250 \x{20ac}\n"); $l->getline', 'my $x; $l->parse_response($x)', 'my $x = []; $l->parse_response($x)' ],
    'settings'       => [ '$l->timeout(undef); $l->_NOOP', '$l->timeout("9abc"); $l->_NOOP', '${*$l}{io_socket_timeout} = "9abc"; ($l->_NOOP, $l->code)', '${*$l}{io_socket_timeout} = undef; $l->_NOOP',
        '$l->debug(undef)', '$l->debug(""); $l->debug', '$l->debug(0); $l->debug' ],
    'deliver'        => [ map {"(map { join ' ', \$_->code, \$_->stage } \$l->deliver($_))"} 'From => undef, To => ["a"], Data => "x"', 'From => "a", To => [undef], Data => "x"',
        'From => "a", To => ["a", undef, "b"], Data => "x"', 'From => "a", To => [["a", undef]], Data => "x"', 'From => "a", To => [["a", { Notify => undef }]], Data => "x"',
        'From => "a", To => ["a"], Data => undef', 'From => "a", To => ["a"], Data => [undef]', 'From => "a", To => ["a"], Data => \undef', 'From => "a", To => ["a"], File => undef',
        'From => "a", To => ["a"], Data => "\x{20ac}"', 'From => "\x{20ac}\@x", To => ["a"], Data => "x"', 'From => "a", To => ["a"], Data => "x", Deadline => undef', 'From => "a", To => ["a"], Data => "x", Deadline => "9x"',
        'From => "a", To => ["a"], Data => "x", Progress => undef', 'From => "a", To => ["a"], Data => "x", Size => undef', 'From => "a", To => ["a"], Data => "x", undef() => 1',
        'From => "a", To => ["a"], Data => sub { "" }->() . "x"', 'From => "a", To => ["a"], Data => do { my $n = 2; sub { $n-- ? "x" : undef } }', 'undef', 'From => "a", To => undef, Data => "x"' ],
    'submit'         => [ map {"\$l->submit($_); map { join ' ', \$_->code, \$_->stage } map { \$_->results } grep {defined} \$l->collect"} 'From => undef, To => ["a"], Data => "x"', 'From => "a", To => [undef], Data => "x"',
        'From => "a", To => ["a"], Data => undef', 'From => "a", To => ["a"], Data => [undef]', 'From => "a", To => ["a"], Data => "x", Deadline => "9x"' ],
    'without a link' => [ map {"\$l->close; (\$l->$_, \$l->code)"} 'mail(undef)', 'to(undef)', 'datasend(undef)', 'getline', 'response', 'command(undef)', 'deliver(From => undef, To => [undef], Data => "x")', 'quit(undef)' ],
    'objects'        => [ map {"my \$o = bless [], 'Undefined'; $_"} '$l->mail($o)', '$l->mail("a"); $l->to($o)', '$l->mail("a"); $l->to([$o])', '$l->command("NOOP", $o)->response',
        '$l->mail("a"); $l->to("b"); $l->data; my @r = (eval { $l->datasend("x", $o) }, $@); (@r, $l->dataend)', '$l->mail("a"); $l->to("b"); my @r = (eval { $l->data($o) }, $@)',
        '$l->ungetline($o); $l->getline', '$l->timeout($o); $l->_NOOP', '(map { $_->code } $l->deliver(From => $o, To => [$o], Data => $o))', '(map { $_->code } $l->deliver(From => "a", To => ["b"], Data => [$o, "x"]))' ],
    'subclasses'     => [ map {"bless \$l, 'Odd'; $_"} '$l->_NOOP', '$l->mail("a"); $l->to("b"); ($l->data("x"), $l->code)', '$l->command("NOOP"); ($l->response, $l->code)', '$l->deliver(From => "a", To => ["b"], Data => "x")' ],
);

{
    package Undefined;
    use overload '""' => sub { undef }, '0+' => sub { undef }, bool => sub { 1 }, fallback => 1;
}

{
    package Odd;
    our @ISA = ('Net::LMTP');
    sub timeout { '9abc' }
    sub DEF_REPLY_CODE { undef }
}

my %qmtp = (
    'message'  => [ map {"\$q->sender('s'); \$q->recipient('r'); \$q->message($_); \$q->send"} 'undef', '"\x{20ac}"', '"x", undef', '[]', '' ],
    'envelope' => [ map {"\$q->sender($_->[0]); \$q->recipient($_->[1]); \$q->message('x'); \$q->send"} [ 'undef', '"r"' ], [ '"s"', 'undef' ], [ '"s"', '[undef]' ],
        [ '"s"', '"a", undef' ], [ '"\x{20ac}"', '"r"' ], [ '"s"', '"\x{20ac}"' ] ],
    'deliver'  => [ map {"(map { join ' ', \$_->code, \$_->stage } \$q->deliver($_))"} 'From => undef, To => ["a"], Data => "x"', 'From => "a", To => [undef], Data => "x"',
        'From => "a", To => ["a"], Data => undef', 'From => "a", To => ["a"], Data => [undef]', 'From => "a", To => ["a"], Data => \undef', 'From => "a", To => ["a"], Data => "\x{20ac}"',
        'From => "a", To => ["a"], Data => "x", Deadline => "9x"', 'From => "a", To => [["a", undef]], Data => "x"', 'undef' ],
    'submit'   => [ map {"\$q->submit($_); map { join ' ', \$_->code, \$_->stage } map { \$_->results } grep {defined} \$q->collect"} 'From => undef, To => ["a"], Data => "x"',
        'From => "a", To => [undef], Data => "x"', 'From => "a", To => ["a"], Data => undef', 'From => "a", To => ["a"], Data => "x", Deadline => "9x"' ],
    'objects'  => [ map {"my \$o = bless [], 'Undefined'; $_"} '$q->sender($o); $q->recipient($o); $q->message($o); $q->send', '(map { $_->code } $q->deliver(From => $o, To => [$o], Data => $o))' ],
    'others'   => [ map {"\$q->$_"} 'message_from_file(undef)', 'encoding(undef)', 'encoding("abc")', 'message(undef)', 'server(undef)', 'timeout(undef)', 'debug(undef)' ],
);

# What came of a call: what it returned or died of, and what is there afterwards.
sub outcome {
    my ($client, $server, $warnings, $call) = @_;
    my ($l, $q) = ($client, $client);
    local $SIG{__WARN__} = sub { };
    my @got = eval "$warnings; no strict 'refs'; $call";
    my $died = $@;
    s/ at \S.* line \d+.*//s for $died, grep {defined} @got;
    my @after = $client->isa('Net::LMTP') ? ($client->code, join '', $client->message) : (defined $client->error ? $client->error : 'none');
    $client->close if $client->is_connected;
    $server->await('over');
    my $sent = $server->received;
    s/\(eval \d+\)|\(0x[0-9a-f]+\)//g for $died, $sent, grep {defined} @got;
    return { got => \@got, died => $died, after => \@after, sent => $sent };
}

sub lmtp {
    my ($server) = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        my $session = ScriptedServer::session(keywords => [ 'SIZE 1000', '8BITMIME', 'DSN', 'CHUNKING', 'PIPELINING', 'AUTH PLAIN' ]);
        eval { $session->($peer) };
        $peer->mark('over');
    });
    return (connect_to($server), $server);
}

sub qmtp {
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        eval { while (my $count = QMTPServer::take($peer)) { $peer->send(QMTPServer::netstring(('Kok') x $count)) } };
        $peer->mark('over');
    });
    return (QMTPServer::client($server), $server);
}

for my $table ([ LMTP => \%lmtp, \&lmtp ], [ QMTP => \%qmtp, \&qmtp ]) {
    my ($protocol, $calls, $connect) = @$table;
    for my $name (sort keys %$calls) {
        for my $call (@{ $calls->{$name} }) {
            my ($plain, $fatal) = map { outcome($connect->(), $_, $call) } 'no warnings', 'use warnings FATAL => "all"';
            unlike($fatal->{died}, qr/\A(?:Use of uninitialized|Argument .* isn't numeric|Wide character in (?:print|syswrite))/, "$protocol, $name: $call");
            is_deeply($fatal, $plain, '... as without warnings');
        }
    }
}
done_testing;
