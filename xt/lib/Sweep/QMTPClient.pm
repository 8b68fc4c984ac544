package Sweep::QMTPClient;

# The client's side of a run by Net::QMTP. See Sweep::LMTPClient.

use strict;
use warnings;

use Net::QMTP;
use Sweep::LMTPClient;

my %run = (send => \&run_send, deliver => \&run_deliver, submit => \&run_submit);

sub new {
    my ($class, $mode, $port, $timeout) = @_;
    my $qmtp = Net::QMTP->new('127.0.0.1', Port => $port, Timeout => $timeout, NextReplyTimeout => $timeout) or return;
    return bless { qmtp => $qmtp, mode => $mode }, $class;
}

sub fileno { $_[0]{qmtp}->fileno }

sub run {
    my ($self) = @_;
    my $told = { results => {}, problems => [] };
    $run{ $self->{mode}{style} }->($self, $told, @{ $self->{mode}{messages} });
    return $told;
}

# A script that sends call by call makes a new link where the old one is lost; deliveries do so themselves.
sub probe {
    my ($self, $told) = @_;
    my $sends = $self->{mode}{style} eq 'send';
    $told->{open} = $sends ? !$self->{lost} : defined $self->{qmtp}->fileno;
    $self->{qmtp}->reconnect if $self->{lost};
    ($sends ? \&run_send : \&run_deliver)->($self, $told, $self->{mode}{probe});
    return;
}

sub run_send {
    my ($self, $told, @messages) = @_;
    my $qmtp = $self->{qmtp};
    for my $message (@messages) {
        my $name = $message->{name};
        $qmtp->new_envelope;
        $qmtp->new_message;
        $qmtp->sender("$name\@x");
        $qmtp->recipient($_) for Sweep::LMTPClient::addresses($message);
        $qmtp->message($message->{data});
        my $answers = $qmtp->send;
        $self->{lost} = $qmtp->error ne '';
        $told->{least}{$name} = 0 if !$answers;
        $told->{results}{$name} = [ $qmtp->results ];
        push @{ $told->{problems} }, "$name: the answers are not the results" if $answers and !same($answers, $qmtp->results);
    }
    return;
}

# The hash has a success only if each result of that recipient is one.
sub same {
    my ($answers, @results) = @_;
    for my $result (@results) {
        my $answer = $answers->{ $result->recipient };
        return 0 if !defined $answer or $answer =~ /\Asuccess/ && !$result->is_success;
    }
    return 1;
}

sub arguments {
    my ($message) = @_;
    my @to = Sweep::LMTPClient::addresses($message);
    return (From => "$message->{name}\@x", To => \@to, Data => $message->{data}, Encoding => 'unix');
}

sub run_deliver {
    my ($self, $told, @messages) = @_;
    for my $message (@messages) {
        $told->{results}{ $message->{name} } = [ $self->{qmtp}->deliver(arguments($message)) ];
    }
    return;
}

sub run_submit {
    my ($self, $told, @messages) = @_;
    Sweep::LMTPClient::submit_all($self->{qmtp}, $told, map { [ $_->{name}, arguments($_) ] } @messages);
    return;
}

1;
