# Scripts as they were written for Net::LMTP 0.02: each must run as it stands.

use strict;
use warnings;

use IO::Select;
use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

sub serve { return ScriptedServer->new(script => ScriptedServer::session(@_)) }

# The manual's first example.
{
    my $server = serve(greeting => '220 mailbox.example LMTP ready');
    my ($host, $port) = $server->args;
    my $lmtp = Net::LMTP->new($host, $port);
    is($lmtp->domain, 'mailbox.example', 'domain');
    ok($lmtp->quit, 'quit');
}

# The manual's second.
{
    my $server = serve();
    my $lmtp = Net::LMTP->new($server->args, Timeout => 60);
    local $ENV{USER} = 'ann';
    $lmtp->mail($ENV{USER});
    $lmtp->to('postmaster');
    $lmtp->data();
    $lmtp->datasend("To: postmaster\n");
    $lmtp->datasend("\n");
    $lmtp->datasend("A simple test message\n");
    ok($lmtp->dataend(), 'dataend');
    ok($lmtp->quit, 'quit');
    is(wire($server), join("\r\n", 'MAIL FROM:<ann>', 'RCPT TO:<postmaster>', 'DATA', 'To: postmaster', '', 'A simple test message',
        '.', 'QUIT', ''), 'the simple message');
}

# Indirect object syntax, as the old manual's headings have it.
{
    my $server = serve();
    my ($host, $port) = $server->args;
    my $lmtp = new Net::LMTP $host, $port, Hello => 'my.mail.domain', Timeout => 30;
    isa_ok($lmtp, 'Net::LMTP');
    is($server->received, "LHLO my.mail.domain\r\n", 'Hello');
}

# A delivery agent that reads each further recipient's reply by itself.
{
    my $server = serve(final => [ '250 2.1.5 a ok', '550 5.1.1 b unknown', '452 4.2.2 c full' ]);
    my @to = map { "$_\@x" } qw(a b c);
    my $lmtp = Net::LMTP->new($server->args) or die "no connection: $@";
    $lmtp->mail('sender@x') or die;
    $lmtp->to($_) or die for @to;
    $lmtp->data or die;
    $lmtp->datasend([ "Subject: x\n", "\n", "body\n" ]);
    my %status;
    $lmtp->dataend;
    my ($first) = $lmtp->data_results;
    $status{ shift @to } = $first->code;
    for my $recipient (@to) {
        $lmtp->response;
        $status{$recipient} = $lmtp->code . ' ' . ($lmtp->message)[0];
    }
    is_deeply(\%status, { 'a@x' => 250, 'b@x' => "550 5.1.1 b unknown\n", 'c@x' => "452 4.2.2 c full\n" }, 'response once per further recipient');
    ok($lmtp->quit, 'quit');
    like($server->received, qr/\r\n\.\r\nQUIT\r\n\z/, 'nothing but QUIT behind the message');
}

# The same with commands that follow at once, several messages on a link.
{
    my $server = serve(final => [ '250 a', '250 b' ]);
    my $lmtp = Net::LMTP->new($server->args);
    for my $message (1 .. 3) {
        $lmtp->mail('s@x');
        $lmtp->to('a@x', 'b@x');
        ok($lmtp->data("message $message\n"), "message $message");
        is($lmtp->response, 2, '... the second reply');
    }
    $lmtp->quit;
    is(() = $server->received =~ /^message \d\r\n\.\r$/mg, 3, 'three messages');
}

# dspam: parameters of its own by the underscore names.
{
    my $server = serve(final => ['250 2.6.0 <id> X-DSPAM-Result: spam']);
    my $lmtp = Net::LMTP->new($server->args, Hello => 'localhost');
    ok($lmtp->_MAIL('FROM:<id> DSPAMPROCESSMODE="--classify --deliver=summary"'), '_MAIL with parameters of dspam');
    ok($lmtp->_RCPT('TO:<user>'), '_RCPT');
    ok($lmtp->data(["Subject: x\n", "\n", "buy\n"]), 'data');
    like($lmtp->message, qr/X-DSPAM-Result: spam/, 'the verdict');
    like($server->received, qr/^MAIL FROM:<id> DSPAMPROCESSMODE="--classify --deliver=summary"\r$/m, 'as it stands');
}

# A subclass that passes addresses untouched and keeps things in the glob.
{
    package Local::Delivery;
    our @ISA = ('Net::LMTP');
    sub new {
        my ($class, $host, $port, %options) = @_;
        my $self = $class->SUPER::new($host, $port, %options) or return;
        ${*$self}{local_count} = 0;
        return $self;
    }
    sub _addr { return $_[1] }
    sub deliver_one {
        my ($self, $from, $to, $text) = @_;
        ${*$self}{local_count}++;
        return $self->mail($from) && $self->to($to) && $self->data($text);
    }
    sub count { my ($self) = @_; return ${*$self}{local_count} }
}

{
    my $server = serve();
    my $lmtp = Local::Delivery->new($server->args);
    ok($lmtp->deliver_one('<s@x>', '<r@x> ORIGIN=mine', "x\n"), 'a subclass with its own _addr');
    ok($lmtp->deliver_one('<s@x>', '<t@x>', "y\n"), '... again');
    is($lmtp->count, 2, '... its key in the glob');
    like($server->received, qr/^RCPT TO:<r\@x> ORIGIN=mine\r$/m, '... untouched on the wire');
}

# With IO::Select, by line, at a lower level.
{
    my $server = serve(NOOP => '250 at last');
    my $lmtp = Net::LMTP->new($server->args);
    $lmtp->command('NOOP');
    $lmtp->flush;
    ok((IO::Select->new($lmtp)->can_read(60))[0], 'IO::Select sees the reply');
    is($lmtp->getline, "250 at last\n", 'getline reads it');
}

# SkipBad, then data.
{
    my $server = serve(RCPT => [ '250 ok', '550 no', '250 ok' ], final => [ '250 a', '250 c' ]);
    my $lmtp = Net::LMTP->new($server->args);
    $lmtp->mail('s@x');
    my @good = $lmtp->recipient('a@x', 'b@x', 'c@x', { SkipBad => 1 });
    is_deeply(\@good, [ 'a@x', 'c@x' ], 'SkipBad');
    ok($lmtp->data("x\n"), 'data is true: every accepted recipient has it');
}

# A version, as callers ask for it.
ok(eval { Net::LMTP->import; Net::LMTP->VERSION(0.04); 1 }, 'use Net::LMTP 0.04');

done_testing;
