# The last reference to an object goes while one of its methods runs: in a handler, in a hook, in the caller's code.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use Interrupt;
use LMTPTest;

{
    package Dropping;
    our @ISA = ('Net::LMTP');
    our ($Hook, %Kept) = ('');

    for my $hook (qw(getline parse_response debug_print debug_text timeout response command datasend dataend _addr close)) {
        no strict 'refs';
        *{$hook} = sub {
            my $self = shift;
            %Kept = () if $Hook eq $hook;
            my $super = "Net::LMTP"->can($hook);
            return $self->$super(@_);
        };
    }
}

my @transaction = (
    expect => qr/^MAIL/, reply => '250 ok', expect => qr/^RCPT/, reply => '250 ok', expect => 'DATA', reply => '354 go',
    data => undef, reply => '250 saved',
);
my @calls = (
    [ mail     => sub { $_[0]->mail('a@x') } ],
    [ to       => sub { $_[0]->to('b@x') } ],
    [ data     => sub { $_[0]->data } ],
    [ datasend => sub { $_[0]->datasend("text\n") } ],
    [ dataend  => sub { $_[0]->dataend } ],
);

sub kept { $Dropping::Kept{it} }

# Each hook drops it in each call. Other references let the calls before go on.
for my $hook (qw(getline parse_response debug_print debug_text timeout response command datasend dataend _addr)) {
    for my $call (@calls) {
        my ($name, $code) = @$call;
        my ($lmtp, $server) = script({ class => 'Dropping' }, @transaction);
        $lmtp->debug(1) if $hook =~ /^debug/;
        stderr_of(sub {
            for my $before (@calls) {
                last if $before->[0] eq $name;
                $before->[1]->($lmtp);
            }
            $Dropping::Kept{it} = $lmtp;
            undef $lmtp;
            local $Dropping::Hook = $hook;
            eval { $code->($Dropping::Kept{it}); 1 } or die "$hook in $name: $@";
        });
        pass("$hook drops it in $name");
        %Dropping::Kept = ();
    }
}

# A handler drops it in the middle of a wait, and returns or dies.
for my $end ('', 'die') {
    for my $call (@calls[ 0 .. 2, 4 ]) {
        my ($name, $code) = @$call;
        my $place = { mail => 0, to => 4, data => 8, dataend => 12 }->{$name};
        my @script = @transaction;
        splice @script, $place + 2, scalar @script, stall => 'waits', close => undef;
        our $lmtp;
        ($lmtp, my $server) = script(@script);
        for my $before (@calls) {
            last if $before->[0] eq $name;
            $before->[1]->($lmtp);
        }
        my $drop = sub { undef $lmtp; $server->release; die "dropped\n" if $end };
        my ($ran, $error) = interrupt(sub { $server->passed('waits') }, $drop, sub { $code->($lmtp) });
        is($error, $end ? "dropped\n" : '', "a handler drops it in $name" . ($end ? ' and dies' : ''));
    }
}

# Deliveries: code that gives the content, and code that looks on.
for my $what (qw(Data Progress)) {
    our $lmtp;
    ($lmtp, my $server) = script(@transaction);
    my $count = 0;
    my $drops = sub { undef $lmtp; $count++ ? undef : "text\n" };
    my @results = eval { $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "text\n", $what => $drops) };
    is(scalar(@results), 1, "$what drops it: one result") or diag $@;
}

done_testing;
