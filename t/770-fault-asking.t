# The caller's objects that act while they are asked: an overloaded string, a tied element, a handler of warnings that empties the list it
# is in, drops the client, closes the link or uses it. Nothing is read that is gone, no recipient is left out without a word, and
# the link is in step afterwards.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use Net::LMTP;
use Net::QMTP;
use QMTPServer;

{
    package Asked;
    use overload '""' => sub { my ($self) = @_; $self->{act}->(); return $self->{text} }, fallback => 1;
    sub new { my ($class, $text, $act) = @_; return bless { text => $text, act => $act }, $class }
}
{
    package Asked::Tied;
    sub TIESCALAR { my ($class, $text, $act) = @_; return bless { text => $text, act => $act }, $class }
    sub FETCH     { my ($self) = @_; $self->{act}->(); return $self->{text} }
}
{
    package Asked::List;
    sub TIEARRAY  { my ($class, @items) = @_; return bless [@items], $class }
    sub FETCHSIZE { return scalar @{ $_[0] } }
    sub FETCH     { my ($self, $i) = @_; my $item = $self->[$i]; pop @$self; return $item }
}

# Every variable that an act may take away.
our ($client, @list, $list);

# How something acts, by name, and whether the link is gone then.
my %act = (
    'empties the list'   => sub { @list = () },
    'drops the list'     => sub { @list = (); undef $list },
    'fills the memory'   => sub { @list = (); my @other = map { "x$_" } 1 .. 200 },
    'drops the client'   => sub { undef $client },
    'closes the link'    => sub { $client->close if $client },
    'does nothing'       => sub { },
);

# A list of three, the first of which acts.
sub three {
    my ($form, $act, @text) = @_;
    @list = @text;
    if    ($form eq 'object') { $list[0] = Asked->new($text[0], $act) }
    elsif ($form eq 'tied')   { tie $list[0], 'Asked::Tied', $text[0], $act }
    $list = \@list;
    return $list;
}

my @to = ('a@x', 'b@x', 'c@x');

# What is called, and which results or wire there must be, unless the act took the client or the link away.
my %lmtp = (
    'recipient list' => sub { $_[0]->mail('s@x'); $_[0]->recipient(@list) },
    'datasend list'  => sub { $_[0]->mail('s@x'); $_[0]->to('a@x'); $_[0]->data; $_[0]->datasend(@list) },
    'datasend reference' => sub { $_[0]->mail('s@x'); $_[0]->to('a@x'); $_[0]->data; $_[0]->datasend($list) },
    'rawdatasend reference' => sub { $_[0]->mail('s@x'); $_[0]->to('a@x'); $_[0]->data; $_[0]->rawdatasend($list) },
    'data list'      => sub { $_[0]->mail('s@x'); $_[0]->to('a@x'); $_[0]->data(@list) },
    'data reference' => sub { $_[0]->mail('s@x'); $_[0]->to('a@x'); $_[0]->data($list) },
    'command'        => sub { $_[0]->command('NOOP', @list)->response },
    '_VRFY'          => sub { $_[0]->_VRFY(@list) },
    'set_status'     => sub { $_[0]->set_status(500, $list); my $text = $_[0]->message; my @lines = $_[0]->message },
    'ungetline'      => sub { $_[0]->ungetline($list[0]) },
    '_addr'          => sub { $_[0]->_addr($list[0]) },
    'supports'       => sub { $_[0]->supports($list[0]) },
    'mail'           => sub { $_[0]->mail($list[0]) },
    'deliver To'     => sub { $_[0]->deliver(From => 's@x', To => $list, Data => "x\n") },
    'deliver Data'   => sub { $_[0]->deliver(From => 's@x', To => ['a@x'], Data => $list) },
    'deliver From'   => sub { $_[0]->deliver(From => $list[0], To => ['a@x'], Data => "x\n") },
    'submit To'      => sub { $_[0]->submit(From => 's@x', To => $list, Data => "x\n"); $_[0]->collect },
);

for my $form (qw(object tied)) {
    for my $act (sort keys %act) {
        for my $name (sort keys %lmtp) {
            my ($lmtp, $server) = session({ Timeout => 5 });
            local $client = $lmtp;
            three($form, $act{$act}, @to);
            undef $lmtp;
            local $SIG{__WARN__} = sub { };
            my $lived = eval { $lmtp{$name}->($client); 1 };
            my $why = $lived ? '' : $@;
            ok($lived || $why =~ /Net::LMTP|To |Data |deliver|undefined|collect/, "Net::LMTP, $name: $form $act: alive") or diag($why);
            untie $list[0] if @list && tied $list[0];
        }
    }
}

# ---- what is sent is what the list was when the call began

for my $form (qw(object tied)) {
    for my $act ('empties the list', 'drops the list', 'fills the memory', 'does nothing') {
        # A tied element has its value taken with the list.
        my ($lmtp, $server) = session();
        three($form, $act{$act}, @to);
        my @results = $lmtp->deliver(From => 's@x', To => $list, Data => "x\n");
        my @want = $form eq 'object' || $act eq 'does nothing' ? @to : ('a@x');
        is_deeply([ map { $_->recipient } @results ], \@want, "Net::LMTP deliver To, $form $act: results");
        is(scalar(() = wire($server) =~ /^RCPT/mg), scalar @want, '... each was sent');

        my $qserver = QMTPServer->new(sub { my ($peer) = @_; while (1) { $peer->send(QMTPServer::netstring(('Kok') x QMTPServer::take($peer))) } });
        my $qmtp = QMTPServer::client($qserver);
        three($form, $act{$act}, @to);
        @results = $qmtp->deliver(From => 's@x', To => $list, Data => "x\n");
        is_deeply([ map { $_->recipient } @results ], \@want, "Net::QMTP deliver To, $form $act: results");

        three($form, $act{$act}, @to);
        $list = $qmtp->recipient;
        push @$list, Asked->new('a@x', sub { @$list = () }), 'b@x', 'c@x';
        $qmtp->sender('s@x');
        $qmtp->new_message;
        $qmtp->message("x\n");
        is_deeply($qmtp->send, { map { $_ => 'success: ok' } @to }, '... send: all of the live list as it was');
        $qmtp->new_envelope;
    }
}

# ---- Net::QMTP: each thing that is asked for its string, and each act

my %qmtp = (
    'recipient'    => sub { $_[0]->sender('s'); $_[0]->recipient(@list); $_[0]->message('m'); $_[0]->send },
    'recipient reference' => sub { $_[0]->sender('s'); $_[0]->recipient($list); $_[0]->message('m'); $_[0]->send },
    'pushed'       => sub { $_[0]->sender('s'); push @{ $_[0]->recipient }, @list; $_[0]->message('m'); $_[0]->send },
    'sender'       => sub { $_[0]->sender($list[0]); $_[0]->recipient('r'); $_[0]->message('m'); $_[0]->send },
    'message'      => sub { $_[0]->sender('s'); $_[0]->recipient('r'); $_[0]->message($list[0]); $_[0]->send },
    'deliver To'   => sub { $_[0]->deliver(From => 's', To => $list, Data => 'm') },
    'deliver From' => sub { $_[0]->deliver(From => $list[0], To => ['r'], Data => 'm') },
    'deliver Data' => sub { $_[0]->deliver(From => 's', To => ['r'], Data => $list) },
    'deliver Data, one' => sub { $_[0]->deliver(From => 's', To => ['r'], Data => $list[0]) },
    'submit To'    => sub { $_[0]->submit(From => 's', To => $list, Data => 'm'); $_[0]->collect },
    'Encoding'     => sub { $_[0]->deliver(From => 's', To => ['r'], Data => 'm', Encoding => $list[0]) },
);

$act{'sends with it'} = sub { $client->deliver(From => '', To => ['z'], Data => 'inner') if $client };
$act{'starts anew'} = sub { if ($client) { $client->new_envelope; $client->new_message } };

for my $form (qw(object tied)) {
    for my $act (sort keys %act) {
        for my $name (sort keys %qmtp) {
            # Perl itself does not hold the object while a sub's arguments are assigned.
            next if $form eq 'tied' && $act eq 'drops the client' && $name =~ /\A(?:sender|message)\z/;
            my $server = QMTPServer->new(sub { my ($peer) = @_; while (1) { $peer->send(QMTPServer::netstring(('Kok') x QMTPServer::take($peer))) } });
            my $qmtp = QMTPServer::client($server, Timeout => 5);
            local $client = $qmtp;
            undef $qmtp;
            three($form, $act{$act}, @to);
            local $SIG{__WARN__} = sub { };
            my $lived = eval { $qmtp{$name}->($client); 1 };
            my $why = $lived ? '' : $@;
            ok($lived || $why =~ /Unknown encoding|undefined|Net::QMTP|To |Data /, "Net::QMTP, $name: $form $act: alive") or diag($why);
            ok(!grep({ /Asked=HASH|ARRAY\(/ } $server->received), '... and no address of a reference was mailed');
        }
    }
}

# A tied list that gets shorter as it is read.
{
    my $server = QMTPServer->new(sub { my ($peer) = @_; while (1) { $peer->send(QMTPServer::netstring(('Kok') x QMTPServer::take($peer))) } });
    my $qmtp = QMTPServer::client($server);
    tie my @shrinks, 'Asked::List', 'a', 'b', 'c';
    is_deeply([ map { $_->recipient } $qmtp->deliver(From => 's', To => \@shrinks, Data => 'm') ], [qw(a b)], 'a list that shrinks');
    my ($lmtp) = session();
    tie my @lines, 'Asked::List', "a\n", "b\n", "c\n";
    $lmtp->mail('s');
    $lmtp->to('a@x');
    $lmtp->data;
    local $SIG{__WARN__} = sub { };    # of those that are gone
    ok($lmtp->datasend(\@lines), '... of lines');
    ok($lmtp->dataend, '... sent');
}

done_testing;
