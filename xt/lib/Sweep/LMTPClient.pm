package Sweep::LMTPClient;

# The client's side of a run by Net::LMTP.
#
#   my $client = Sweep::LMTPClient->new($mode, $port, $timeout, $in_greeting) or ...;    # the reason is in $@
#   my $told = $client->run;           # { results => { m1 => [...], ... }, problems => [...], least => ... }
#   $client->probe($told);             # one more message; open tells whether the link was open before
#
# With $in_greeting the timeout holds from the start. For old calls `least` is how many results a message must have in any case.

use strict;
use warnings;

use Net::LMTP;

my %run = (sync => \&run_sync, bdat => \&run_sync, deliver => \&run_deliver, submit => \&run_submit);

sub new {
    my ($class, $mode, $port, $timeout, $in_greeting) = @_;
    my $lmtp = Net::LMTP->new(
        '127.0.0.1', $port,
        Hello            => 'c',
        Timeout          => $in_greeting ? $timeout : 15,
        NextReplyTimeout => $timeout,
    ) or return;
    $lmtp->timeout($timeout);
    return bless { lmtp => $lmtp, mode => $mode }, $class;
}

sub fileno { CORE::fileno($_[0]{lmtp}) }

sub run {
    my ($self) = @_;
    my $told = { results => {}, problems => [] };
    $run{ $self->{mode}{style} }->($self, $told, @{ $self->{mode}{messages} });
    return $told;
}

sub probe {
    my ($self, $told) = @_;
    $told->{open} = $self->{lmtp}->opened ? 1 : 0;
    my $sync = $self->{mode}{style} =~ /sync|bdat/;
    ($sync ? \&run_sync : \&run_deliver)->($self, $told, $self->{mode}{probe});
    return;
}

# ---------------------------------------------------------------- call by call

sub addresses { return map {"$_\@x"} @{ $_[0]{to} } }

sub run_sync {
    my ($self, $told, @messages) = @_;
    my $lmtp = $self->{lmtp};
    for my $message (@messages) {
        my $name = $message->{name};
        my $began = $lmtp->mail("$name\@x");
        my @accepted = $began ? $lmtp->recipient(addresses($message), { SkipBad => 1 }) : ();
        my $state = @accepted ? $self->content($message) : 'refused';
        $told->{least}{$name} = @accepted;
        # Before MAIL is accepted those of the message before are there.
        $told->{results}{$name} = $began ? [ $lmtp->results ] : [];
        push @{ $told->{problems} }, "$name: true at the end, but not all have it"
            if $state eq 'true' and grep { !$_->is_success && $_->stage eq 'final' } $lmtp->results;
        $lmtp->reset if $state eq 'refused' and $lmtp->opened;
    }
    return;
}

# 'refused', or what the end was: 'true' or 'false'.
sub content {
    my ($self, $message) = @_;
    my $lmtp = $self->{lmtp};
    return $self->chunks($message) if $self->{mode}{style} eq 'bdat';
    return 'refused' if !$lmtp->data;
    $lmtp->datasend($_) && $lmtp->flush for @{ $message->{pieces} };
    return $lmtp->dataend ? 'true' : 'false';
}

sub chunks {
    my ($self, $message) = @_;
    my ($first, $last) = map { (my $text = $_) =~ s/\n/\r\n/g; $text } @{ $message->{pieces} };
    return 'refused' if !$self->{lmtp}->bdat($first);
    return $self->{lmtp}->bdatlast("$last\r\n") ? 'true' : 'false';
}

# ---------------------------------------------------------------- deliveries

sub arguments {
    my ($message) = @_;
    my @pieces = @{ $message->{pieces} };
    # Content that comes in pieces never goes by BDAT: let both ways be seen.
    my $data = @{ $message->{to} } == 2 ? sub { shift @pieces } : $message->{data};
    return (From => "$message->{name}\@x", To => [ addresses($message) ], Data => $data);
}

sub run_deliver {
    my ($self, $told, @messages) = @_;
    for my $message (@messages) {
        $told->{results}{ $message->{name} } = [ $self->{lmtp}->deliver(arguments($message)) ];
    }
    return;
}

sub run_submit {
    my ($self, $told, @messages) = @_;
    submit_all($self->{lmtp}, $told, map { [ $_->{name}, arguments($_) ] } @messages);
    return;
}

# The same by Net::QMTP: [ name, arguments ] for each.
sub submit_all {
    my ($client, $told, @jobs) = @_;
    my %name_of;
    for my $job (@jobs) {
        my ($name, @arguments) = @$job;
        $name_of{ $client->submit(@arguments) } = $name;
    }
    my $last = 0;
    while (my $delivery = $client->collect) {
        my $id = $delivery->id;
        push @{ $told->{problems} }, "$id collected behind $last" if $id <= $last;
        $last = $id;
        my $name = delete $name_of{$id};
        if   (defined $name) { $told->{results}{$name} = [ $delivery->results ] }
        else                 { push @{ $told->{problems} }, "id $id was never submitted, or collected before" }
    }
    push @{ $told->{problems} }, map {"$_ was never collected"} sort values %name_of;
    return;
}

1;
