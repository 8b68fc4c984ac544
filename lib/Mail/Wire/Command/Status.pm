package Mail::Wire::Command::Status;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Command qw(:all);
use Mail::Wire::Command::Plan ();
use Mail::Wire::Command::Report ();
use Mail::Wire::Queue::Manifest ();
use Mail::Wire::Result ();

# mailwire status: how an import on many machines stands.

use constant OPTIONS => qw(queue=s failed doubtful retry json);

my @order = qw(success failure deferral doubt skipped unread again);

sub run {
    my ($class, @arguments) = @_;
    my $option = options($class, \@arguments, OPTIONS);
    fail(USAGE, "what is $arguments[0] for?") if @arguments;
    my $self = bless { option => $option, queue => Mail::Wire::Command::Plan::queue_of($option),
        report => Mail::Wire::Command::Report->new({ json => $option->{json} }) }, $class;
    $self->{queue}->retry if $option->{retry};
    $self->_rows($option->{failed} ? qw(failure deferral unread) : (), $option->{doubtful} ? 'doubt' : ());
    $self->_jobs if $option->{failed};
    return $self->_tell;
}

sub _rows {
    my ($self, @status) = @_;
    return if not @status;
    $self->{queue}->store->each_row(sub {
        my ($row) = @_;
        my $in = Mail::Wire::Queue::Manifest::fields($row->{line});
        my %row = (file => $in->{path}, offset => 0 + $in->{offset}, message => $row->{words});
        $row{$_} = $row->{$_} foreach qw(recipient status stage code);
        return $self->{report}->object(\%row) if $self->{report}->is_json;
        my $place = Mail::Wire::Result::_on_one_line("$row{file} at $row{offset}: <$row{recipient}>");
        my $stage = length $row{stage} ? " ($row{stage})" : '';
        say_out(join(' ', "$place: $row{status}$stage", grep { length } $row{code}, Mail::Wire::Result::_on_one_line($row{message})) . "\n");
    }, @status);
    return;
}

sub _jobs {
    my ($self) = @_;
    foreach my $job ($self->{queue}->engine->failed) {
        (my $why = $job->{why}) =~ s/\s+\z//;
        if ($self->{report}->is_json) { $self->{report}->object({ range => 0 + $job->{range}, error => $why }) }
        else                          { say_out("range $job->{range}: ", Mail::Wire::Result::_on_one_line($why), "\n") }
    }
    return;
}

sub _tell {
    my ($self) = @_;
    my $totals = $self->{queue}->store->totals;
    my $ranges = $self->{queue}->engine->counts;
    $ranges->{waiting} += $self->{queue}->store->count_without_job;
    my ($expected, $answered) = (0, 0);
    $expected += $_->{recipients} foreach grep { $_->{is_whole} } @{ $totals->{plans} };
    $answered += $_ foreach values %{ $totals->{status} };
    my %status;
    $status{$_} = 0 + ($totals->{status}{$_} || 0) foreach @order;
    if ($self->{report}->is_json) {
        my %sum = (expected => $expected, answered => $answered, left => $expected - $answered, ranges => $ranges);
        $self->{report}->object({ summary => { %sum, %status } });
    }
    else { $self->_summary($totals, $ranges, $expected, $answered, %status) }
    return $expected == $answered && !grep({ $status{$_} } qw(deferral doubt unread)) ? $status{failure} ? REFUSED : OK : TRY_AGAIN;
}

sub _summary {
    my ($self, $totals, $ranges, $expected, $answered, %status) = @_;
    foreach my $plan (@{ $totals->{plans} }) {
        my $whole = $plan->{is_whole} ? '' : ', not read to the end: not sent';
        say_out("plan $plan->{id}, $plan->{url}: $plan->{messages} messages for $plan->{recipients} recipients in $plan->{ranges} ranges$whole\n");
    }
    say_out('ranges: ', join(', ', map {"$ranges->{$_} $_"} qw(waiting active finished failed)), "\n");
    say_out("$expected recipients, $answered have an answer, ", $expected - $answered, " have none\n");
    say_out(map { sprintf "%9d %s\n", $status{$_}, $self->{report}->painted($_, $_) } grep { $status{$_} } @order);
    return;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Status - mailwire status: how an import on many machines stands

=head1 SYNOPSIS

    mailwire status --queue postgresql://USER@HOST/DATABASE

    What has become of the messages that "mailwire plan" has put into a queue.

      --queue URL              or sqlite:PATH; else MAILWIRE_QUEUE
      --failed                 who was refused or deferred; ranges that failed
      --doubtful               who is in doubt: a killed worker had sent it
      --retry                  puts failed and lost ranges back into the queue
      --json                   an object a line

    Exit code 0: all was accepted; 65: some refused; 75: not done, or in doubt.

=head1 DESCRIPTION

Plans, ranges, and how many recipients have which answer. The numbers add up: those with an answer and those without are all recipients of the plans.
Statuses are those of L<Mail::Wire::Result>, C<doubt> where nobody knows whether the message was delivered, C<skipped> for those of
C<mailwire worker --in-doubt skip>, C<unread> for those of C<--skip-unread>, C<again> for those whom a later C<mailwire plan --again> has taken
over: these count among the recipients of both plans.

A range fails when it was tried 25 times, and is lost when somebody has removed its job, as on Minion's page. C<--retry> puts both back.

Minion's own page shows jobs and workers: F<eg/minion.pl>, see L<Mail::Wire::Manual::Capacity>.

=head1 SEE ALSO

L<mailwire>, L<Mail::Wire::Command::Plan>, L<Mail::Wire::Command::Worker>, L<Mail::Wire::Command::Status>, L<Mail::Wire::Command::Import>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
