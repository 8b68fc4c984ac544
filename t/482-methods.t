# Methods that call methods, options by nearly their name, values that are none, ports with a number for those who don't know the name.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use Net::LMTP;
use ScriptedServer;

# ---- to, cc and bcc call the method recipient

{
    package Watches;
    our @ISA = ('Net::LMTP');
    our @seen;
    sub recipient {
        my ($self, @arguments) = @_;
        push @seen, [ wantarray ? 'list' : 'scalar', @arguments ];
        return $self->SUPER::recipient(map { ref $_ ? $_ : "$_.example" } @arguments);
    }

    package Watches::Below;
    our @ISA = ('Watches');
}

for my $class (qw(Watches Watches::Below)) {
    my ($lmtp, $server) = session({ class => $class });
    ok($lmtp->mail('s@x'), "$class: mail");
    @Watches::seen = ();
    my $sent = '';
    for my $method (qw(to cc bcc recipient)) {
        is(scalar $lmtp->$method('a@x'), 1, "$method calls the class' own recipient");
        is_deeply([ $lmtp->$method('a@x', 'b@x', { SkipBad => 1 }) ], [ 'a@x.example', 'b@x.example' ], '... in list context, too');
        $sent .= "RCPT TO:<a\@x.example>\r\nRCPT TO:<a\@x.example>\r\nRCPT TO:<b\@x.example>\r\n";
    }
    is(wire($server), "MAIL FROM:<s\@x>\r\n$sent", '... on the wire');
    is_deeply(\@Watches::seen, [ map { [ scalar => 'a@x' ], [ list => 'a@x', 'b@x', { SkipBad => 1 } ] } 1 .. 4 ], '... each once');
}

# Also for an object that gets another class, and one whose class gets the method later.
{
    my ($lmtp, $server) = session({ class => 'Late' }) if eval '@Late::ISA = ("Net::LMTP"); 1';
    $lmtp->mail('s@x');
    ok($lmtp->to('a@x'), 'without a recipient of its own');
    eval 'sub Late::recipient { my $self = shift; return $self->Net::LMTP::recipient("late\@x") } 1' or die $@;
    ok($lmtp->to('b@x'), '... and with one that came later');
    bless $lmtp, 'Watches';
    ok($lmtp->cc('c@x'), '... and of another class');
    is(wire($server), "MAIL FROM:<s\@x>\r\nRCPT TO:<a\@x>\r\nRCPT TO:<late\@x>\r\nRCPT TO:<c\@x.example>\r\n", '... is called');
}

# ---- options by nearly their name

my $options = ScriptedServer->new(script => ScriptedServer::session());
for my $case (
    [ 'timeout'          => 20, 'Timeout' ],
    [ 'TIMEOUT'          => 20, 'Timeout' ],
    [ 'hello'            => 'x', 'Hello' ],
    [ 'debug'            => 0, 'Debug' ],
    [ 'nextreplytimeout' => 5, 'NextReplyTimeout' ],
    [ 'ssl'              => 0, 'SSL' ],
    [ 'exactaddresses'   => 0, 'ExactAddresses' ],
    [ 'Helo'             => 'x', undef ],
    [ 'Other'            => 'x', undef ],
    [ 'SSL_ca_file'      => 'x', undef ],
) {
    my ($name, $value, $meant) = @$case;
    my $lmtp;
    my @warnings = warnings_of { $lmtp = Net::LMTP->new($options->args, $name => $value) };
    ok($lmtp, "new with $name");
    is(scalar @warnings, $meant ? 1 : 0, '... ' . ($meant ? 'a warning' : 'no warning'));
    like("@warnings", qr/unknown option '$name', is $meant meant\? at \Q$0\E line/, '... which names the option') if $meant;
}

# ---- a timeout that is none is refused, as by new

{
    my ($lmtp) = session({ Timeout => 33 });
    for my $bad (-1, 'abc', '', '5 seconds', 'nan', '5 ', "\t5", "5\r\n", []) {
        my @got = $lmtp->timeout($bad);
        my $reason = $@;
        is_deeply(\@got, [], "timeout('$bad'): a bare return");
        like($reason, qr/Timeout must be a number of seconds, 0 \(no limit\) or more, not '\Q$bad\E'/, '... $@ says why');
        is($lmtp->code, 501, '... and so does code');
        is($lmtp->timeout, 33, '... the old one holds');
    }
    for my $good (0, 5, 0.5, '7', undef) {
        $lmtp->timeout($good);
        is($lmtp->timeout, $good, 'timeout(' . (defined $good ? $good : 'undef') . ')');
    }
    ok($lmtp->_NOOP, '... and the link works');
}

# ---- "name(number)"

for my $form (
    sub { ($_[0], "no-such-service($_[1])") },
    sub { "$_[0]:no-such-service($_[1])" },
    sub { (Host => $_[0], Port => "no-such-service($_[1])") },
    sub { ("$_[0]:no-such-service($_[1])", 'ignored') },
    sub { ($_[0], $_[1], LocalAddr => '127.0.0.1', LocalPort => 'no-such-service(0)') },
) {
    my $server = ScriptedServer->new(script => ScriptedServer::session());
    my @arguments = $form->($server->args);
    my $lmtp = Net::LMTP->new(@arguments);
    ok($lmtp, "new(@arguments)") or diag($@);
}
{
    my @got = Net::LMTP->new('127.0.0.1', 'no-such-service');
    like($@, qr/no-such-service/, 'a service that nobody knows is named');
    @got = Net::LMTP->new('127.0.0.1', 'no-such-service(70000)');
    like($@, qr/65535/, '... and so is a number that is no port');
}

# ---- on a link that is gone no method dies, waits or says that it did something; its results are deferrals

my %gone = (
    closed  => sub { $_[0]->close },
    quit    => sub { $_[0]->quit },
    'lost by the server' => sub { $_[0]->command('NOOP'); $_[1]->stop; $_[0]->response },
    'lost in mid-data' => sub { $_[0]->mail('a@x'); $_[0]->to('b@x'); $_[0]->data; $_[0]->datasend("x\n"); $_[1]->stop; $_[0]->dataend },
);
my @order = (From => 'a@x', To => ['b@x'], Data => "x\n");
my @claims = (
    (map { [ $_ => 'a@x' ] } qw(mail send send_or_mail send_and_mail to cc bcc recipient verify expand etrn hello)), [ auth => 'u', 'p' ],
    [ command => 'NOOP' ], [ xclient => ADDR => '192.0.2.1' ], [ xforward => ADDR => '192.0.2.1' ], [ trace => 'x' ],
    (map { [ $_ => "x\n" ] } qw(data datasend rawdatasend bdat bdatlast)), (map { [$_] } qw(data dataend reset starttls help is_connected fileno _RSET _NOOP _DATA)),
);
for my $state (sort keys %gone) {
    my ($lmtp, $server) = session(NOOP => '250 ok', keywords => [qw(CHUNKING PIPELINING)]);
    my @wrong;
    warnings_of { $gone{$state}->($lmtp, $server) };
    for my $claim (@claims) {
        my ($method, @arguments) = @$claim;
        my ($is, $died);
        warnings_of { $died = eval { $is = $lmtp->$method(@arguments); 1 } ? '' : $@ };
        $is = $is->response == 2 if $method eq 'command';
        push @wrong, "$method: " . ($died || $is) if $died or $is;
    }
    is("@wrong", '', "$state: no method says that it did something");
    is_deeply([ map { $_->status . '-' . $_->stage } $lmtp->deliver(@order) ], ['deferral-connect'], '... deliver is a deferral');
    ok($lmtp->submit(@order) && $lmtp->collect->results->[0]->is_deferral, '... submit as well');
}

done_testing;
